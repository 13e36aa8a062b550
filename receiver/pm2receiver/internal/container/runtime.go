// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

// source is what wrote a line of a container.
type source int

const (
	text    source = iota // the application, unchanged
	record                // the application, in a record of PM2
	daemon                // PM2 itself
	sources = 3
)

// rewrite returns what wrote a line, and the line as PM2 writes it to its own files. pm2-runtime
// has other formats: --json, --format and --formatted.
func rewrite(line []byte, stderr bool, at int64, a *arena.Arena) ([]byte, source) {
	switch {
	case bytes.HasPrefix(line, []byte(`{"message":`)):
		if _, ok := envelope.Parse(line, a); ok {
			return line, record
		}
	case bytes.HasPrefix(line, []byte("timestamp=")):
		if p, ok := parseFormat(line); ok {
			return p.record(at), record
		}
	case isDaemon(line):
		return line, daemon
	default:
		if p, ok := parseFormatted(line, stderr); ok {
			return p.record(at), record
		}
	}
	return line, text
}

var (
	stamp   = []byte(`","timestamp":"`)
	newline = []byte(`\n`)
)

// ended returns a record with a newline added at the end of its message.
func ended(line []byte) []byte {
	at := bytes.LastIndex(line, stamp)
	if at < 0 {
		return line
	}
	with := make([]byte, 0, len(line)+2)
	with = append(append(with, line[:at]...), `\n`...)
	return append(with, line[at:]...)
}

// isDaemon reports whether a line is one of PM2 itself, which has a date of 19 characters.
func isDaemon(line []byte) bool {
	const date = len("2026-11-21T02:08:36")
	return len(line) > date && line[4] == '-' && line[10] == 'T' && bytes.HasPrefix(line[date:], []byte(": PM2 "))
}

// labels is what pm2-runtime adds to a line.
type labels struct {
	app    []byte
	id     int64
	stderr bool
	text   []byte
}

// parseFormat reads a line of pm2-runtime --format:
// timestamp=… app=NAME id=N type=out message=TEXT. The name may have blanks.
func parseFormat(line []byte) (p labels, ok bool) {
	_, rest, ok := bytes.Cut(line, []byte(" app="))
	if !ok {
		return p, false
	}
	head, message, ok := bytes.Cut(rest, []byte(" message="))
	if !ok {
		return p, false
	}
	kind := bytes.LastIndex(head, []byte(" type="))
	if kind < 0 {
		return p, false
	}
	switch string(head[kind+len(" type="):]) {
	case "out":
	case "error":
		p.stderr = true
	default:
		return p, false
	}
	id := bytes.LastIndex(head[:kind], []byte(" id="))
	if id < 0 {
		return p, false
	}
	if p.id, ok = parseNumber(head[id+len(" id=") : kind]); !ok || id == 0 {
		return p, false
	}
	p.app, p.text = head[:id], message
	return p, true
}

const (
	green     = "\x1b[32m"
	red       = "\x1b[31m"
	uncolored = "\x1b[39m"
)

// parseFormatted reads a line of pm2-runtime --formatted: 0|app  | text, colored or not.
// It writes both streams to stdout, and only their color differs.
func parseFormatted(line []byte, stderr bool) (p labels, ok bool) {
	p.stderr = stderr
	line, isGreen := bytes.CutPrefix(line, []byte(green))
	line, isRed := bytes.CutPrefix(line, []byte(red))
	if isRed {
		p.stderr = true
	}
	id, rest, ok := bytes.Cut(line, []byte{'|'})
	if !ok || len(rest) == 0 {
		return p, false
	}
	if p.id, ok = parseNumber(id); !ok {
		return p, false
	}
	name, text, ok := bytes.Cut(rest, []byte(" | "))
	if !ok {
		return p, false
	}
	if isGreen || isRed {
		if text, ok = bytes.CutPrefix(text, []byte(uncolored)); !ok {
			return p, false
		}
	}
	p.app, p.text = bytes.TrimRight(name, " "), text
	return p, len(p.app) > 0
}

func parseNumber(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 9 || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 10, 32)
	return int64(n), err == nil //nolint:gosec // it has 32 bits
}

// record returns the line as a record of PM2.
func (p labels) record(at int64) []byte {
	message, _ := json.Marshal(string(p.text) + "\n") // texts cannot fail
	app, _ := json.Marshal(string(p.app))
	kind := "out"
	if p.stderr {
		kind = "err"
	}
	b := append([]byte(`{"message":`), message...)
	b = append(b, `,"timestamp":"`...)
	b = time.Unix(0, at).UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","type":"`+kind+`","process_id":`...)
	b = strconv.AppendInt(b, p.id, 10)
	b = append(b, `,"app_name":`...)
	return append(append(b, app...), '}')
}
