// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/doctor"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
)

const (
	programTimeout = 60 * time.Second
	maxOutput      = 64 << 10
)

// hasSystemd reports whether systemd runs on the machine.
func hasSystemd(root string) bool {
	info, err := os.Stat(filepath.Join(root, "/run/systemd/system"))
	return err == nil && info.IsDir()
}

// program runs a program and returns its output.
func program(ctx context.Context, name string, args ...string) (string, error) {
	return runAs(ctx, nil, nil, name, args...)
}

// runAs runs a program, as a user and with an environment if they are given.
func runAs(ctx context.Context, u *asuser.User, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = env, "/"
	if u != nil && os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return string(out.Bytes()[:min(out.Len(), maxOutput)]), err
}

// property returns a property of the service.
func property(ctx context.Context, name string) string {
	out, err := program(ctx, "systemctl", "show", agentinstall.UnitName, "--property", name, "--value")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// systemctl runs a command of systemctl, and adds its output to the error.
func systemctl(ctx context.Context, args ...string) error {
	if out, err := program(ctx, "systemctl", args...); err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.Join(strings.Fields(out), " "))
	}
	return nil
}

// lastLogLine returns the last line of the service's log that names a fault, or "".
func lastLogLine(ctx context.Context) string {
	out, err := program(ctx, "journalctl", "--unit", agentinstall.UnitName, "--lines", "50", "--output", "cat", "--no-pager")
	if err != nil {
		return ""
	}
	return doctor.LastError(out)
}

// validate runs the agent's own validation, as the agent's user.
func validate(ctx context.Context, u *asuser.User, exe string, configs []string, env envfile.Variables) error {
	args := []string{"validate"}
	for _, c := range configs {
		args = append(args, "--config", c)
	}
	all := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + u.Home}
	for _, v := range env {
		all = append(all, v.Name+"="+v.Value)
	}
	out, err := runAs(ctx, u, all, exe, args...)
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("%s cannot be run: %w", exe, err)
	}
	return fmt.Errorf("the configuration is not valid: %s", strings.TrimSpace(out))
}
