// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package envelope reads the JSON objects in which PM2 wraps the output of a
// process: {"message","timestamp","type","process_id","app_name"}, one a line.
package envelope

import (
	"bytes"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/quoted"
)

// NoProcess is the ProcessID of a record that names no process.
const NoProcess = -1

// Record is one object that PM2 wrote. Its slices live in the arena or in the
// line it was read from.
type Record struct {
	// Message is a chunk of what the process wrote: any number of lines, or
	// part of one. It is valid UTF-8.
	Message []byte
	// Timestamp is PM2's time in the format that PM2 is configured to use.
	Timestamp []byte
	// Stderr is set for the error stream of the process, and clear for its output stream.
	Stderr bool
	// ProcessID is PM2's number of the process, or NoProcess.
	ProcessID int64
	// App is the name of the application. It is valid UTF-8.
	App []byte
	// Repaired is set if the line held bytes that are not UTF-8, or halves of
	// surrogate pairs: each is U+FFFD in Message.
	Repaired bool
}

var (
	head      = []byte(`{"message":"`)
	timestamp = []byte(`,"timestamp":"`)
	typeOut   = []byte(`,"type":"out"`)
	typeErr   = []byte(`,"type":"err"`)
	processID = []byte(`,"process_id":`)
	appName   = []byte(`,"app_name":"`)
)

// Parse reads one line without its newline. It reports false for a line that is not an object of
// PM2.
//
// It expects the keys in PM2's order and leaves everything else to encoding/json, which defines the
// result.
func Parse(line []byte, a *arena.Arena) (Record, bool) {
	if r, ok := parseFast(line, a); ok {
		return r, true
	}
	return parseSlow(line)
}

func parseFast(line []byte, a *arena.Arena) (r Record, ok bool) {
	if !bytes.HasPrefix(line, head) {
		return r, false
	}
	rest := line[len(head):]
	r.Message, rest, ok = quoted.Unquote(rest, a)
	if !ok {
		return r, false
	}
	if rest, ok = after(rest, timestamp); !ok {
		return r, false
	}
	if r.Timestamp, rest, ok = plain(rest); !ok {
		return r, false
	}
	switch {
	case bytes.HasPrefix(rest, typeOut):
	case bytes.HasPrefix(rest, typeErr):
		r.Stderr = true
	default:
		return r, false
	}
	if rest, ok = after(rest[len(typeOut):], processID); !ok {
		return r, false
	}
	if r.ProcessID, rest, ok = digits(rest); !ok {
		return r, false
	}
	if rest, ok = after(rest, appName); !ok {
		return r, false
	}
	if r.App, rest, ok = plain(rest); !ok {
		return r, false
	}
	if len(rest) == 2 && rest[1] == '\r' {
		rest = rest[:1]
	}
	return r, len(rest) == 1 && rest[0] == '}'
}

func after(b, prefix []byte) ([]byte, bool) {
	if !bytes.HasPrefix(b, prefix) {
		return b, false
	}
	return b[len(prefix):], true
}

// plain reads a string up to its closing quote if it needs no decoding at all.
func plain(b []byte) (s, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return nil, b, false
	}
	if s = b[:i]; !quoted.Plain(s) {
		return nil, b, false
	}
	return s, b[i+1:], true
}

func digits(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && i < 10 && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == 0 || i > 1 && b[0] == '0' {
		return 0, b, false
	}
	return n, b[i:], true
}
