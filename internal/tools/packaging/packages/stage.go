// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const (
	source = "distributions/packages"
	stage  = "_build/packaging" // files that are made for the packages

	maintainer = "The otelcol-tenant authors <maintainers@otelcol-tenant.invalid>"
	homepage   = "https://github.com/otelcol-tenant/otelcol-tenant"
)

// commands are the binaries in the packages.
func commands() []string { return []string{"otelcol-tenant", "tenantctl"} }

// prepare writes the files that are the same in packages of every architecture: the manual,
// the completion of shells, change logs and notices.
func prepare(host string, v version, at time.Time) error {
	if err := os.RemoveAll(stage); err != nil {
		return err
	}
	for _, folder := range []string{stage, filepath.Join(stage, "completion"), filepath.Join(stage, "scripts")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for _, command := range commands() {
		for _, shell := range []string{"bash", "zsh", "fish"} {
			script, err := outputOf(filepath.Join(host, command), "completion", shell)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(stage, "completion", command+"."+shell), script, 0o644); err != nil {
				return err
			}
		}
	}
	manual, err := manualOf(filepath.Join(host, "tenantctl"), v, at)
	if err != nil {
		return err
	}
	if err := writeCompressed("tenantctl.1.gz", manual); err != nil {
		return err
	}
	daemon, err := os.ReadFile(filepath.Join(source, "otelcol-tenant.8"))
	if err != nil {
		return err
	}
	if err := writeCompressed("otelcol-tenant.8.gz", head("otelcol-tenant", 8, v, at, daemon)); err != nil {
		return err
	}
	for name, file := range map[string]string{"THIRD_PARTY_NOTICES.txt.gz": "_build/THIRD_PARTY_NOTICES.txt", "changelog.gz": "CHANGELOG.md"} {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := writeCompressed(name, content); err != nil {
			return err
		}
	}
	for _, name := range packageNames() {
		entry := fmt.Sprintf("%s (%s) unstable; urgency=medium\n\n  * See /usr/share/doc/%s/changelog.gz for the changes.\n\n -- %s  %s\n",
			name, v.full("deb"), name, maintainer, at.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
		if err := writeCompressed(name+".changelog.Debian.gz", []byte(entry)); err != nil {
			return err
		}
	}
	return nil
}

// outputOf runs a command and returns what it prints.
func outputOf(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	// Help texts must not depend on the caller's environment.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return len(s) >= 9 && s[:9] == "TENANTCTL" })
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w\n%s", name, args, err, stderr.String())
	}
	return out, nil
}

// writeCompressed writes a file of the stage in gzip's format, without a name and a time.
func writeCompressed(name string, content []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(stage, name), b.Bytes(), 0o644)
}
