// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
)

// maxOutput bounds what is kept of the output of a program.
const maxOutput = 64 << 10

// errSlow is the error of a program that did not end in time.
var errSlow = errors.New("the program did not end in time")

// service is what systemd says about the service.
type service struct {
	known    bool // systemd answered
	active   string
	sub      string
	enabled  string
	result   string
	pid      int
	restarts int
}

// findService asks systemd.
func (x *examination) findService(ctx context.Context) (s service) {
	if x.unit == nil || len(x.set.Configs) > 0 {
		return s
	}
	if _, err := os.Stat(x.path("/run/systemd/system")); err != nil {
		return s
	}
	out, err := x.run(ctx, nil, "systemctl", "show", agentinstall.UnitName, "--property", "ActiveState,SubState,UnitFileState,Result,MainPID,NRestarts")
	if err != nil {
		return s
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "ActiveState":
			s.active, s.known = value, true
		case "SubState":
			s.sub = value
		case "UnitFileState":
			s.enabled = value
		case "Result":
			s.result = value
		case "MainPID":
			s.pid, _ = strconv.Atoi(value)
		case "NRestarts":
			s.restarts, _ = strconv.Atoi(value)
		}
	}
	return s
}

// run runs a program with an environment, as the agent's user if env is not nil, and returns its output.
func (x *examination) run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, x.set.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	if env != nil {
		cmd.Env = env
		if x.user != nil && x.service.known && os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: x.user.UID, Gid: x.user.GID, Groups: x.user.Groups}}
		}
		cmd.Dir = "/"
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second // a process that it has started may keep the output open
	err := cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errSlow
	}
	return string(out.Bytes()[:min(out.Len(), maxOutput)]), err
}

// serviceFindings reports whether the service runs.
func (x *examination) serviceFindings(ctx context.Context) {
	const id, subject = "agent.service", agentinstall.UnitName
	s := x.service
	fix := "Run `systemctl enable --now otelcol-tenant-agent`. If it does not start, the last line of its log has the reason."
	switch {
	case !s.known && x.health != nil:
		x.ok(id, x.agent.Health, "The agent runs")
	case !s.known && x.agent.Health != "":
		x.fail(id, x.agent.Health, "The agent does not answer, so it does not run", "Start the agent. Its last log line has the reason if it does not start.")
	case !s.known:
		x.warn(id, "tenant_health", "It is unknown whether the agent runs: neither systemd nor the extension tenant_health can be asked", "Use tenant_health in the configuration.")
	case s.active == "active" && s.sub == "running":
		x.ok(id, subject, fmt.Sprintf("The service runs as process %d, restarts: %d", s.pid, s.restarts))
		x.stale()
	case s.active == "failed" || s.sub == "auto-restart":
		x.fail(id, subject, fmt.Sprintf("The service does not start (%s, restarts: %d): %s", cmp.Or(s.result, s.active), s.restarts, x.lastLogLine(ctx)), "Correct what the log line names.")
	default:
		x.fail(id, subject, "The service does not run: it is "+cmp.Or(s.active, "unknown"), fix)
	}
	if s.known && s.enabled != "enabled" && s.enabled != "static" && s.enabled != "" {
		x.warn("agent.enabled", subject, "The service does not start with the machine: it is "+s.enabled, "Run `systemctl enable otelcol-tenant-agent`.")
	}
}

// lastLogLine returns the last error of the service's log.
func (x *examination) lastLogLine(ctx context.Context) string {
	out, err := x.run(ctx, nil, "journalctl", "--unit", agentinstall.UnitName, "--lines", "50", "--output", "cat", "--no-pager")
	if err != nil {
		return "its log cannot be read with journalctl"
	}
	if line := LastError(out); line != "" {
		return line
	}
	return "its log is empty"
}

// LastError returns the last line of a log that says why the agent ended, or the last line of all.
func LastError(log string) string {
	last, fault := "", ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		if strings.HasPrefix(line, "Error:") || strings.Contains(line, "\terror\t") || strings.Contains(strings.ToLower(line), "error: ") {
			fault = line
		}
	}
	return cmp.Or(fault, last)
}

// stale reports a running agent whose environment is not that of the file.
func (x *examination) stale() {
	if x.service.pid == 0 {
		return
	}
	data, err := os.ReadFile(x.path("/proc/" + strconv.Itoa(x.service.pid) + "/environ"))
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			x.warn("agent.env", "process "+strconv.Itoa(x.service.pid), "This user may not see the environment of the running agent", "Run this command as root.")
		}
		return
	}
	running := map[string]string{}
	for one := range strings.SplitSeq(string(data), "\x00") {
		if name, value, ok := strings.Cut(one, "="); ok {
			running[name] = value
		}
	}
	var changed []string
	for _, v := range x.env {
		if running[v.Name] != x.vars[v.Name] {
			changed = append(changed, v.Name)
		}
	}
	if len(changed) > 0 {
		x.fail("agent.env", strings.Join(changed, ", "), "The running agent has another value than the environment file, which changed after the start", "Run `systemctl restart otelcol-tenant-agent`.")
	}
}

// validate runs the agent's own validation.
func (x *examination) validate(ctx context.Context, configs []string) {
	program := "otelcol-tenant"
	if x.unit != nil && len(x.set.Configs) == 0 && len(x.unit.ExecStart) > 0 {
		program = x.unit.ExecStart[0]
	}
	path, err := exec.LookPath(program)
	if err != nil {
		if len(x.set.Configs) == 0 {
			x.fail("agent.config", program, "The program is not installed", "Install the package otelcol-tenant.")
		}
		return
	}
	args := []string{"validate"}
	for _, c := range configs {
		args = append(args, "--config", c)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}
	if x.user != nil {
		env[1] = "HOME=" + x.user.Home
	}
	for _, v := range x.env {
		env = append(env, v.Name+"="+v.Value)
	}
	out, err := x.run(ctx, env, path, args...)
	subject := strings.Join(configs, " ")
	var exit *exec.ExitError
	switch {
	case err == nil:
		x.ok("agent.config", subject, "The configuration is valid")
	case ctx.Err() != nil:
	case errors.Is(err, errSlow):
		x.warn("agent.config", subject, fmt.Sprintf("The configuration could not be validated within %v", x.set.Timeout), "This machine is busy, or its disk is slow: run this command with --timeout 60s.")
	case !errors.As(err, &exit) || !exit.Exited():
		x.warn("agent.config", subject, "The configuration cannot be validated: "+err.Error(), "Run this command as root.")
	default:
		x.fail("agent.config", subject, "The configuration is not valid: "+validation(out), "Correct the setting that the message names. The README of the agent lists the messages with their fixes.")
	}
	x.versions(ctx, path)
}

// validation returns the fault in the output of the validation.
func validation(out string) string {
	var all []string
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "\tinfo\t") && !strings.Contains(line, "\twarn\t") {
			all = append(all, line)
		}
	}
	text := strings.Join(all, " ")
	return text[:min(len(text), 500)]
}

// versions compares the versions of the two programs.
func (x *examination) versions(ctx context.Context, program string) {
	out, err := x.run(ctx, nil, program, "--version")
	if err != nil {
		return
	}
	fields := strings.Fields(out)
	if len(fields) == 0 {
		return
	}
	version := fields[len(fields)-1]
	if x.set.Version != "" && version != x.set.Version {
		x.warn("agent.version", program, fmt.Sprintf("The agent is version %s, tenantctl is %s", version, x.set.Version), "Install both from the same package.")
		return
	}
	x.ok("agent.version", program, "Version "+version)
}
