// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package daemonlog reads the log of PM2's daemon. The daemon's lines become events of the
// processes that they are about. Lines that processes of cluster mode write to the same file
// become records too.
package daemonlog

import (
	"bytes"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/stacks"
)

const (
	// stackIdle is how long the next line of a stack trace may take to arrive.
	stackIdle = 500 * time.Millisecond

	maxStackLines = 512
	maxStackBytes = 256 << 10

	// maxRecords and maxText bound the records of a batch.
	maxRecords = 4096
	maxText    = 1 << 20
)

// Settings are those of a [Decoder].
type Settings struct {
	// MaxLine is the length in bytes above which a line is split.
	MaxLine int
	// Location is the zone of times without one.
	Location *time.Location
	// Log are the settings for lines that are not the daemon's.
	Log applog.Settings
	// Join is whether the lines of a stack trace become one record.
	Join bool
	// Original is whether records have the line as it is in the file.
	Original bool
	// Host is the prefix of service.instance.id.
	Host string
	// Scope and Version name the instrumentation scope.
	Scope   string
	Version string
}

// Decoder decodes the blocks of the log, in their order. It is not safe for concurrent use.
type Decoder struct {
	set    Settings
	joiner *stacks.Joiner // nil if every line is a record
	parser *applog.Parser
	known  processes
	batch  batch
}

// New returns a decoder that continues with state.
func New(set Settings, state decode.State) *Decoder {
	d := &Decoder{set: set, parser: applog.New(set.Log), known: processes{state.Daemon.Clone()}}
	d.parser.Remember(state.Log)
	if set.Join {
		d.joiner = stacks.New(stacks.Settings{MaxLines: maxStackLines, MaxBytes: min(maxStackBytes, set.MaxLine)}, state.Stacks)
	}
	return d
}

// State returns what a decoder needs to continue in another process.
func (d *Decoder) State() decode.State {
	s := decode.State{Daemon: d.known.Clone(), Log: d.parser.Memory()}
	if d.joiner != nil {
		s.Stacks = d.joiner.State()
	}
	return s
}

// Restore resets the decoder to a state that it had, so that a block can be decoded again.
func (d *Decoder) Restore(s decode.State) {
	d.known = processes{s.Daemon.Clone()}
	d.parser.Remember(s.Log)
	if d.joiner != nil {
		d.joiner.Restore(s.Stacks)
	}
}

// Pending reports whether lines wait for Flush.
func (d *Decoder) Pending() bool { return d.joiner != nil && d.joiner.Pending() }

// Held returns approximately how many bytes wait for Flush.
func (d *Decoder) Held() int {
	if d.joiner == nil {
		return 0
	}
	return d.joiner.Held()
}

// Decode decodes a block of whole lines that begins at offset base of src, as
// [decode.Decoder.Decode] does.
func (d *Decoder) Decode(block []byte, src decode.Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, decode.Stats) {
	d.batch.begin(src, now, len(block), full)
	for len(block) > 0 {
		end := bytes.IndexByte(block, '\n')
		line, size := block, len(block)
		if end >= 0 {
			line, size = block[:end], end+1
		}
		d.line(line, base, now)
		block = block[size:]
		base += int64(size)
	}
	return d.end()
}

// Flush returns the stack traces that have waited long enough for their end, or all of them if
// everything is set.
func (d *Decoder) Flush(src decode.Source, now time.Time, everything bool) (plog.Logs, decode.Stats) {
	d.batch.begin(src, now, 0, nil)
	limit := now.Add(-stackIdle)
	if everything {
		limit = ever(now)
	}
	if d.joiner != nil {
		d.joiner.FlushBefore(limit, d.batch.mem.Text, d.entry)
	}
	return d.end()
}

// ever is a time before which everything was that has been.
func ever(now time.Time) time.Time { return now.Add(24 * time.Hour) }

func (d *Decoder) end() (plog.Logs, decode.Stats) {
	if d.joiner != nil {
		d.joiner.EndBlock(d.batch.mem.Text, d.entry)
	}
	logs, stats := d.batch.logs, d.batch.stats
	d.batch = batch{}
	return logs, stats
}

// line decodes the next line of the file.
func (d *Decoder) line(text []byte, offset int64, now time.Time) {
	l := lines.Line{
		ProcessID: envelope.NoProcess, Slot: lines.RawSlot, File: d.batch.src.ID, Offset: offset, Record: offset,
	}
	if l.Repaired = !utf8.Valid(text); l.Repaired {
		text = valid(text)
	} else {
		text = d.batch.mem.Text.Copy(text)
	}
	for part := 1; len(text) > d.set.MaxLine; part++ {
		n := boundary(text, d.set.MaxLine)
		l.Part, l.Text = part, text[:n:n]
		d.add(&l, now)
		text = text[n:]
		l.Part = part + 1
	}
	l.Last = l.Part > 0
	l.Text = text[:len(text):len(text)]
	d.add(&l, now)
}

// boundary returns the largest index up to n that is not inside a character.
func boundary(text []byte, n int) int {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// add makes a record of a line, or keeps it for the rest of its stack trace. A message of the
// daemon ends a previous trace, and only one about an error can begin a trace.
func (d *Decoder) add(l *lines.Line, now time.Time) {
	if d.joiner == nil {
		d.record(&stacks.Entry{Line: l, Body: l.Text, Original: l.Text, Lines: 1})
		return
	}
	if m, ok := ParseMessage(l.Text, d.set.Location); ok {
		d.joiner.FlushBefore(ever(now), d.batch.mem.Text, d.entry)
		if m.Severity < plog.SeverityNumberError {
			d.record(&stacks.Entry{Line: l, Body: l.Text, Original: l.Text, Lines: 1})
			return
		}
	}
	d.joiner.Add(l, now, d.batch.mem.Text, d.entry)
}

func (d *Decoder) entry(e *stacks.Entry) {
	if e.Lines > 1 {
		d.batch.stats.Joined++
	}
	d.record(e)
}

// Names of attributes.
const (
	attributeFileName = "log.file.name"
	attributeOriginal = "log.record.original"
	attributeUID      = "log.record.uid"
	attributePart     = "pm2.line.part"
	attributeLastPart = "pm2.line.last_part"
)

// daemonName is the service.name of records that name no application.
const daemonName = "pm2"

func (d *Decoder) record(e *stacks.Entry) {
	b := &d.batch
	m, own := Message{}, false
	if e.Part == 0 {
		m, own = ParseMessage(e.Body, d.set.Location)
	}
	var event Event
	if own {
		event = ParseEvent(string(m.Text))
		d.known.resolve(&event)
	} else {
		event.ID = envelope.NoProcess
		b.stats.Raw++
	}
	rec := b.append(d.set, event)
	rec.SetObservedTimestamp(b.observed)
	attrs := rec.Attributes()
	switch {
	case own:
		d.event(&m, &event, rec)
	case e.Part > 0:
		rec.Body().SetStr(b.mem.String(e.Body))
		attrs.PutInt(attributePart, int64(e.Part))
		if e.Last {
			attrs.PutBool(attributeLastPart, true)
		}
		b.stats.Cut++
	default:
		d.parser.Parse(e.Original, e.Body, rec, b.mem)
	}
	if e.Exception != nil {
		d.parser.PutException(attrs, e.Exception, b.mem)
	}
	attrs.PutStr(attributeFileName, b.src.Name)
	attrs.PutStr(attributeUID, b.uid(e.Line))
	if d.set.Original {
		attrs.PutStr(attributeOriginal, b.mem.String(e.Original))
	}
	b.stats.Records++
	if e.Repaired {
		b.stats.Repaired++
	}
	b.grow(len(e.Original))
}

// valid returns a copy of text in which invalid bytes are replaced by U+FFFD.
func valid(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		out = utf8.AppendRune(out, r)
		text = text[size:]
	}
	return out
}
