// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package applog reads the lines of loggers, as JSON, logfmt or text: those of Node.js
// and what Python, Go, Java and .NET write. It finds the level, the time, the trace,
// the message and the exception, and keeps whatever else a JSON line holds as
// attributes.
package applog

import (
	"bytes"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/ansi"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// Names of the attributes that a Parser sets beside those of the line itself.
const (
	AttributeExceptionType       = "exception.type"
	AttributeExceptionMessage    = "exception.message"
	AttributeExceptionStacktrace = "exception.stacktrace"
	// AttributeCut marks a record whose JSON had more fields than a record may
	// have. Its body is the whole line.
	AttributeCut = "pm2.json.cut"
)

// Settings of a [Parser].
type Settings struct {
	// JSON is whether lines that are JSON objects are taken apart.
	JSON bool
	// Strip is whether colors are taken out of body and attributes.
	Strip bool
	// Location is where times without a zone are read.
	Location *time.Location
}

// Parser reads the lines of one file. It is not safe for concurrent use.
type Parser struct {
	set Settings
	w   walker
	// simple counts lines of the form `level: message`, a form that other text has
	// by chance: it is believed from the second line on.
	simple int
	// padded is set once a line had a word of Next.js that is padded with two blanks.
	padded bool
	// distrusted has a bit for each field of time that held a number that was none.
	distrusted uint64
	// slog is set once a level was negative: only Go's are.
	slog bool
}

// New returns a parser.
func New(set Settings) *Parser { return &Parser{set: set} }

// Memory is what a parser has learned of the lines of its file. It is part of the
// checkpoint.
type Memory struct {
	Simple     int    `json:"simple,omitempty"`
	Distrusted uint64 `json:"distrusted,omitempty"`
	Slog       bool   `json:"slog,omitempty"`
	Padded     bool   `json:"padded,omitempty"`
}

// Memory returns what the parser has learned.
func (p *Parser) Memory() Memory {
	return Memory{Simple: p.simple, Distrusted: p.distrusted, Slog: p.slog, Padded: p.padded}
}

// Remember gives a parser what another has learned of the same file.
func (p *Parser) Remember(m Memory) {
	p.simple, p.distrusted, p.slog, p.padded = m.Simple, m.Distrusted, m.Slog, m.Padded
}

// Release drops all references to the lines that were parsed. It must be called when a
// block of them ends: an idle file keeps no block in memory.
func (p *Parser) Release() { p.w.release() }

var byteOrderMark = []byte("\xef\xbb\xbf")

// Parse sets on rec whatever the line says: severity, time, trace, body and
// attributes. What the line does not say stays as it is, but for the body, which
// is always set. text is valid UTF-8. rec does not refer to it. What rec is given is taken
// from mem. head is the part of text to look at for the forms of text loggers. free says
// that no attribute has a name that begins with log., pm2. or exception. that the line
// has given it.
func (p *Parser) Parse(text, head []byte, rec plog.LogRecord, mem *slab.Slab) (free bool) {
	text = bytes.TrimPrefix(text, byteOrderMark)
	if p.set.JSON {
		if line, ok := object(text); ok {
			if p.json(line, rec, mem) {
				return !p.w.reserved
			}
			// Colors as they are, which JSON does not allow in a string.
			if p.set.Strip && bytes.IndexByte(line, ansi.Escape) >= 0 && p.json(mem.Text.Keep(ansi.Strip(line, mem.Text.Reserve)), rec, mem) {
				return !p.w.reserved
			}
		}
	}
	head = bytes.TrimPrefix(head, byteOrderMark)
	plain := ansi.Strip(head, mem.Text.Reserve)
	if len(plain) != len(head) {
		plain = mem.Text.Keep(plain)
	}
	free = !p.text(plain, rec, mem)
	if rec.Body().Type() == pcommon.ValueTypeEmpty {
		if p.set.Strip {
			head = plain
		}
		mem.SetStr(rec.Body(), mem.String(head))
	}
	return free
}

// object returns what may be a JSON object: a line without the blanks around it, and
// without the comma that follows an element of a list.
func object(text []byte) ([]byte, bool) {
	for len(text) > 0 && blank(text[0]) {
		text = text[1:]
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, false
	}
	for len(text) > 0 && blank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if len(text) > 2 && text[len(text)-1] == ',' {
		text = text[:len(text)-1]
	}
	return text, len(text) >= 2 && text[len(text)-1] == '}'
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (p *Parser) json(text []byte, rec plog.LogRecord, mem *slab.Slab) bool {
	attrs := rec.Attributes()
	p.w.strip = p.set.Strip
	p.w.reset(text, mem)
	if !p.w.top(attrs) {
		attrs.Clear()
		canonical, ok := canonicalize(text)
		if !ok {
			return false
		}
		p.w.reset(canonical, mem)
		if !p.w.top(attrs) {
			attrs.Clear()
			return false
		}
	}
	p.lift(text, rec)
	return true
}
