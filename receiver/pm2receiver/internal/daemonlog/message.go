// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"bytes"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// Message is a line of PM2's daemon.
type Message struct {
	// Time is in nanoseconds since the epoch, or 0.
	Time int64
	// Level is PM2's level: log, info, warn or error.
	Level    string
	Severity plog.SeverityNumber
	// Text is what follows the level.
	Text []byte
}

// levels are the names of console functions with which PM2 labels its lines.
var levels = [...]struct {
	mark     string
	level    string
	severity plog.SeverityNumber
}{
	{": PM2 log: ", "log", plog.SeverityNumberInfo},
	{": PM2 info: ", "info", plog.SeverityNumberInfo},
	{": PM2 warn: ", "warn", plog.SeverityNumberWarn},
	{": PM2 error: ", "error", plog.SeverityNumberError},
}

// ParseMessage parses `2026-11-21T02:08:33: PM2 log: text`. It reports false for a line that is
// not the daemon's: output of a process of cluster mode, or part of a stack trace.
func ParseMessage(line []byte, loc *time.Location) (Message, bool) {
	p, ok := timeparse.Parse(line, loc)
	if !ok {
		return Message{}, false
	}
	rest := line[p.Len:]
	for _, l := range levels {
		if bytes.HasPrefix(rest, []byte(l.mark)) {
			return Message{Time: p.Nanos, Level: l.level, Severity: l.severity, Text: rest[len(l.mark):]}, true
		}
	}
	return Message{}, false
}
