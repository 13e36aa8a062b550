// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build linux

package debianroot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// release is the Debian release of the roots.
const release = "bookworm"

// software are the packages of a root, in addition to the required ones.
func software() []string {
	return []string{"ca-certificates", "adduser", "systemd", "systemd-sysv", "dbus", "acl"}
}

// image returns the folder of the installed root, which it creates if there is none. The root
// must not be changed.
func image() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	args := []string{
		"--mode=root", "--format=directory", "--variant=minbase", "--include=" + strings.Join(software(), ","),
		`--customize-hook=mkdir "$1/share" "$1/oldroot"`, "--quiet", release,
	}
	sum := sha256.Sum256([]byte(strings.Join(args, "\x00")))
	folder := filepath.Join(cache, "otelcol-tenant", "debian-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(folder+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	unfinished := folder + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	if out, err := exec.Command("mmdebstrap", append(args, unfinished)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("installing a Debian root with mmdebstrap: %w\n%s", err, out)
	}
	return folder, os.Rename(unfinished, folder)
}
