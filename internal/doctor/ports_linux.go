// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// ports checks that the addresses of the agent are its own, or free.
func (x *examination) ports(ctx context.Context) {
	for _, l := range x.agent.Listeners {
		conn, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.Address)
		switch {
		case err == nil:
			_ = conn.Close()
			if x.health != nil {
				x.fail("ports", l.Address, "The agent runs and does not listen there ("+l.Setting+")", "Look at the log of the agent, and restart it.")
				continue
			}
			x.ok("ports", l.Address, "The port is free ("+l.Setting+")")
		case errors.Is(err, syscall.EADDRINUSE):
			x.taken(l.Setting, l.Address)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			x.fail("ports", l.Address, "This machine does not have the address ("+l.Setting+")", "Correct the setting.")
		default:
			x.warn("ports", l.Address, "The port cannot be checked: "+err.Error(), "Run this command as root.")
		}
	}
}

// variable returns the variable of the shipped configuration for a listener.
func variable(setting string) string {
	switch {
	case strings.Contains(setting, "protocols::grpc"):
		return "OTLP_GRPC_ENDPOINT"
	case strings.Contains(setting, "protocols::http"):
		return "OTLP_HTTP_ENDPOINT"
	case strings.Contains(setting, "tenant_health"):
		return "HEALTH_ENDPOINT"
	case strings.Contains(setting, "telemetry"):
		return "METRICS_PORT"
	}
	return setting
}

// taken reports who has a port.
func (x *examination) taken(setting, address string) {
	pid, name := x.owner(address)
	switch {
	case x.service.pid != 0 && pid == x.service.pid, x.service.pid == 0 && x.health != nil && (pid == 0 || strings.HasPrefix(name, "otelcol-tenant")):
		x.ok("ports", address, "The agent listens there ("+setting+")")
	case pid != 0:
		x.fail("ports", address, fmt.Sprintf("Another program has the port: %s, process %d (%s)", name, pid, setting), fmt.Sprintf("End that program, or set %s in /etc/otelcol-tenant/agent.env and restart the agent.", variable(setting)))
	case x.health != nil:
		x.warn("ports", address, "The port is in use, and this user may not see by which program ("+setting+")", "Run this command as root.")
	default:
		x.fail("ports", address, "Another program has the port ("+setting+")", fmt.Sprintf("Run this command as root to see which. Set %s in /etc/otelcol-tenant/agent.env and restart the agent.", variable(setting)))
	}
}

// owner returns the process that listens on the port of an address, or 0.
func (x *examination) owner(address string) (pid int, name string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, ""
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, ""
	}
	inodes := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(x.path("/proc/net/" + table))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			const listening = "0A"
			if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", n)) {
				inodes["socket:["+fields[9]+"]"] = true
			}
		}
	}
	links, err := filepath.Glob(x.path("/proc/[0-9]*/fd/*"))
	if err != nil {
		return 0, ""
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			comm = []byte("unknown")
		}
		return pid, safetext.Clean(strings.TrimSpace(string(comm)))
	}
	return 0, ""
}
