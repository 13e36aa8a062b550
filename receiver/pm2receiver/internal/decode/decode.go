// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package decode turns blocks of PM2's log files into log records.
package decode

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/stacks"
)

const (
	// lineIdle is how long the end of a line may keep the reader waiting. Then its
	// process has most likely died.
	lineIdle = 5 * time.Second
	// stackIdle is the same for the next line of a stack trace.
	stackIdle = 500 * time.Millisecond

	maxStackLines = 512
	maxStackBytes = 256 << 10

	// maxRecords and maxText bound the records that are made before some are handed
	// out: a process in cluster mode writes a million lines in one record of PM2's.
	maxRecords = 4096
	maxText    = 1 << 20
)

// Decoder decodes the blocks of one log stream in their order. It is not safe for
// concurrent use.
type Decoder struct {
	set    Settings
	lines  *lines.Assembler
	joiner *stacks.Joiner // nil if every line is a record
	parser *applog.Parser
	batch  batch
	single stacks.Entry // what record is given for a line, reused
	usage  slab.Usage   // of the last block,
	used   int          // which had so many bytes
	sizes  sizes        // of the attributes of records
	many   int          // records of the last block
}

// New returns a decoder that continues where state was taken.
func New(set Settings, state State) *Decoder {
	d := &Decoder{set: set, lines: lines.New(set.Lines, state.Lines), parser: applog.New(set.Log)}
	d.parser.Remember(state.Log)
	if set.Join {
		d.joiner = stacks.New(stacks.Settings{MaxLines: maxStackLines, MaxBytes: min(maxStackBytes, set.Lines.MaxLine), Leads: d.parser.Leads, Starts: d.parser.Starts}, state.Stacks)
	}
	return d
}

// State returns what a decoder needs to continue in another process.
func (d *Decoder) State() State {
	s := State{Lines: d.lines.State(), Log: d.parser.Memory()}
	if d.joiner != nil {
		s.Stacks = d.joiner.State()
	}
	return s
}

// Restore takes the decoder back to a state it had, so that a block can be decoded
// again.
func (d *Decoder) Restore(s State) {
	d.lines.Restore(s.Lines)
	d.parser.Remember(s.Log)
	if d.joiner != nil {
		d.joiner.Restore(s.Stacks)
	}
}

// Pending says whether something waits for Flush.
func (d *Decoder) Pending() bool {
	return d.lines.Pending() || d.joiner != nil && d.joiner.Pending()
}

// Held returns about how many bytes wait for Flush.
func (d *Decoder) Held() int {
	n := d.lines.Held()
	if d.joiner != nil {
		n += d.joiner.Held()
	}
	return n
}

// Decode decodes a block of whole physical lines that begins at offset base of
// src. block is not kept. Records that are too many for one batch go to full while it
// is still decoding; what it returns are the others. The same block and state make the
// same batches.
func (d *Decoder) Decode(block []byte, src Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, Stats) {
	d.begin(src, now, len(block))
	d.batch.full = full
	d.lines.From(src.Lines)
	d.lines.Feed(block, src.ID, base, now, d.batch.mem.Text, d.line)
	return d.end()
}

// Flush gives back what has waited for its end longer than a reader should: half
// lines and stack traces. With everything set it gives back all there is.
func (d *Decoder) Flush(src Source, now time.Time, everything bool) (plog.Logs, Stats) {
	d.begin(src, now, 0)
	lineLimit, stackLimit := now.Add(-lineIdle), now.Add(-stackIdle)
	if everything {
		lineLimit, stackLimit = now.Add(time.Hour), now.Add(time.Hour)
	}
	d.lines.DecideBefore(stackLimit, d.batch.mem.Text, d.line)
	d.lines.FlushBefore(lineLimit, d.batch.mem.Text, d.line)
	if d.joiner != nil {
		d.joiner.FlushBefore(stackLimit, d.batch.mem.Text, d.entry)
	}
	return d.end()
}

func (d *Decoder) begin(src Source, now time.Time, size int) {
	d.batch = batch{logs: plog.NewLogs(), src: src, observed: pcommon.NewTimestampFromTime(now), size: size, mem: slab.From(d.set.Arenas, d.usage.Of(size, d.used))}
}

func (d *Decoder) end() (plog.Logs, Stats) {
	if d.joiner != nil {
		d.joiner.EndBlock(d.batch.mem.Text, d.entry)
	}
	logs, stats := d.batch.logs, d.batch.stats
	d.many = min(stats.Records, maxRecords)
	if d.batch.size > 0 {
		d.usage, d.used = d.batch.mem.Used(), d.batch.size
	}
	text := d.batch.mem.Text
	d.batch, d.single = batch{}, stacks.Entry{} // they refer to the memory of the block
	d.parser.Release()
	d.set.Arenas.Put(text)
	return logs, stats
}

func (d *Decoder) line(l *lines.Line) {
	if l.Joined {
		d.batch.stats.Joined++
	}
	if l.Raw && l.Part <= 1 {
		d.batch.stats.Raw++
	}
	if d.joiner != nil {
		d.joiner.Add(l, time.Unix(0, int64(d.batch.observed)), d.batch.mem.Text, d.entry)
		return
	}
	d.single = stacks.Entry{Line: l, Body: l.Text, Original: l.Text, Lines: 1}
	d.record(&d.single)
}

func (d *Decoder) entry(e *stacks.Entry) {
	if e.Lines > 1 {
		d.batch.stats.Joined++
	}
	d.record(e)
}

// Names of attributes.
const (
	attributeIOStream = "log.iostream"
	attributeFileName = "log.file.name"
	attributeOriginal = "log.record.original"
	attributeUID      = "log.record.uid"
	// attributePart numbers the parts of a line that was longer than max_line_size;
	// attributeLastPart marks the last.
	attributePart = "pm2.line.part"
	// attributeDate is PM2's date if no time can be read from it.
	attributeDate     = "pm2.date"
	attributeLastPart = "pm2.line.last_part"
)

func (d *Decoder) record(e *stacks.Entry) {
	b := &d.batch
	rec := b.mem.Append(b.slice(d, e))
	rec.SetObservedTimestamp(b.observed)
	if e.Time != 0 {
		rec.SetTimestamp(pcommon.Timestamp(e.Time))
	}
	attrs := rec.Attributes()
	b.mem.Open(attrs, d.sizes.of(e.Original))
	put := b.mem.AppendStr // where no attribute can have the name
	if e.Part == 0 {
		if !d.parser.Parse(e.Original, e.Body, rec, b.mem) {
			put = b.mem.PutStr
		}
	} else {
		b.mem.SetStr(rec.Body(), b.mem.String(e.Body))
		attrs.PutInt(attributePart, int64(e.Part))
		if e.Last {
			attrs.PutBool(attributeLastPart, true)
		}
		b.stats.Cut++
	}
	if e.Exception != nil {
		d.parser.PutException(attrs, e.Exception, b.mem)
	}
	if e.Date != "" {
		b.mem.PutStr(attrs, attributeDate, e.Date)
	}
	put(attrs, attributeFileName, b.src.Name)
	put(attrs, attributeIOStream, stream(e.Stderr))
	put(attrs, attributeUID, b.uid(e))
	if d.set.Original {
		put(attrs, attributeOriginal, b.mem.String(e.Original))
	}
	if e.Stderr && d.set.StderrIsError && rec.SeverityNumber() == plog.SeverityNumberUnspecified && rec.SeverityText() == "" {
		rec.SetSeverityNumber(plog.SeverityNumberError)
	}
	d.sizes.set(e.Original, attrs.Len())
	b.mem.Close(attrs)
	b.stats.Records++
	if e.Repaired {
		b.stats.Repaired++
	}
	b.records++
	b.text += len(e.Original)
	if b.full != nil && (b.records >= maxRecords || b.text >= maxText) {
		logs := b.logs
		b.logs, b.resources, b.records, b.text = plog.NewLogs(), nil, 0, 0
		b.full(logs)
	}
}

func stream(stderr bool) string {
	if stderr {
		return "stderr"
	}
	return "stdout"
}
