// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package container reads the logs of containers in which pm2-runtime runs, as Docker's
// json-file driver and the runtimes of Kubernetes write them. It removes their envelopes and
// joins lines that they have split. The decoders for PM2's own files read the result.
package container

import (
	"bytes"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

const (
	// maxJoined bounds the length of joined lines, as that of physical lines is bounded.
	maxJoined = 16 << 20
	// partIdle is how long the next part of a line may take to arrive.
	partIdle = 5 * time.Second
	// entriesInRow is how many entries in a row make a file the log of a container, and
	// firstLines how many lines of a file are searched for them.
	entriesInRow = 3
	firstLines   = 64
	// maxRecords bounds the records of a batch, and maxResources how many resources are
	// searched for that of a record.
	maxRecords   = 4096
	maxResources = 8
)

// Decoder decodes the blocks of one file, in their order. It is not safe for concurrent use.
type Decoder struct {
	set   Settings
	mode  decode.ContainerMode
	plain Inner
	// inner are the decoders of the streams and sources so far. parts are the incomplete lines
	// of stdout and stderr.
	inner [2][sources]Inner
	parts [2]decode.Part
	// file is the file of the last block, and entries counts the lines in a row that were
	// entries of a container in a file that is not taken for its log.
	file    uint64
	entries int
	// newlines is set once a record had a newline: pm2-runtime --json removes all of them.
	newlines bool
	// out, run and mem belong to the block that is decoded.
	out merged
	run gathered
	mem *arena.Arena
}

// New returns a decoder that continues with state.
func New(set Settings, state decode.State) *Decoder {
	d := &Decoder{set: set, mode: state.Container.Mode, plain: set.Plain(state)}
	d.restore(state.Container)
	return d
}

// State returns what a decoder needs to continue in another process.
func (d *Decoder) State() decode.State {
	s := d.plain.State()
	s.Container.Mode, s.Container.Newlines = d.mode, d.newlines
	s.Container.File, s.Container.Entries = d.file, d.entries
	for stream := range d.inner {
		s.Container.Parts[stream] = d.parts[stream].Clone()
		for from, inner := range d.inner[stream] {
			if inner != nil {
				s.Container.Inner = append(s.Container.Inner, decode.InnerState{Stderr: stream == 1, Source: from, State: inner.State()})
			}
		}
	}
	return s
}

// Restore resets the decoder to a state that it had.
func (d *Decoder) Restore(s decode.State) {
	d.plain.Restore(s)
	d.mode = s.Container.Mode
	d.restore(s.Container)
}

func (d *Decoder) restore(s decode.ContainerState) {
	d.newlines, d.file, d.entries = s.Newlines, s.File, s.Entries
	d.inner, d.parts = [2][sources]Inner{}, [2]decode.Part{s.Parts[0].Clone(), s.Parts[1].Clone()}
	for _, x := range s.Inner {
		if x.Source >= 0 && x.Source < sources {
			d.inner[index(x.Stderr)][x.Source] = d.open(x.Stderr, source(x.Source), x.State)
		}
	}
}

func (d *Decoder) open(stderr bool, from source, state decode.State) Inner {
	if from == daemon {
		return d.set.Daemon(state)
	}
	return d.set.Text(stderr, state)
}

func index(stderr bool) int {
	if stderr {
		return 1
	}
	return 0
}

// Pending reports whether lines wait for Flush.
func (d *Decoder) Pending() bool {
	pending := d.plain.Pending()
	for stream := range d.inner {
		pending = pending || len(d.parts[stream].Text) > 0
		for _, inner := range d.inner[stream] {
			pending = pending || inner != nil && inner.Pending()
		}
	}
	return pending
}

// Held returns approximately how many bytes wait for Flush.
func (d *Decoder) Held() int {
	n := d.plain.Held()
	for stream := range d.inner {
		n += len(d.parts[stream].Text)
		for _, inner := range d.inner[stream] {
			if inner != nil {
				n += inner.Held()
			}
		}
	}
	return n
}

// Decode decodes a block of whole physical lines that begins at offset base of src, as
// [decode.Decoder] does.
func (d *Decoder) Decode(block []byte, src decode.Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, decode.Stats) {
	d.decide(block, src.ID, base)
	if d.mode != decode.IsContainer {
		return d.plain.Decode(block, src, base, now, full)
	}
	d.out = newMerged(d.set.Place, full)
	d.mem = arena.New(len(block))
	for len(block) > 0 {
		line, size := block, len(block)
		if end := bytes.IndexByte(block, '\n'); end >= 0 {
			line, size = block[:end], end+1
		}
		d.line(line, src, base, now)
		block, base = block[size:], base+int64(size)
	}
	return d.end(now)
}

// decide detects whether a file is the log of a container, by its path or its lines. It
// decides by the first lines of the file, and again where the content of the path is new. A
// file that begins with something else is the log of a container after several entries in a
// row.
func (d *Decoder) decide(block []byte, file uint64, base int64) {
	if len(block) == 0 {
		return
	}
	if d.set.Format != Auto || d.set.Known {
		d.mode = decode.IsContainer
		return
	}
	isNew := file != d.file && base == 0
	d.file = file
	if d.mode == decode.UnknownContainer || isNew {
		d.entries = 0
		switch {
		case d.begins(block):
			d.mode = decode.IsContainer
		case len(bytes.Trim(block, nul+" \r\n")) == 0:
			d.mode = decode.UnknownContainer // it says nothing
		default:
			d.mode = decode.NoContainer
		}
		return
	}
	if d.mode == decode.IsContainer {
		return
	}
	for rest := block; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if !likely(line) || !d.isEntry(line) {
			d.entries = 0
			return
		}
		if d.entries++; d.entries >= entriesInRow {
			d.mode, d.entries = decode.IsContainer, 0
			return
		}
	}
}

// begins reports whether the first line of a block that is not empty is an entry of a
// container, or several of its first lines in a row are.
func (d *Decoder) begins(block []byte) bool {
	first, row := true, 0
	for i := 0; i < firstLines && len(block) > 0; i++ {
		var line []byte
		line, block, _ = bytes.Cut(block, []byte{'\n'})
		if d.isEntry(line) {
			if row++; first || row >= entriesInRow {
				return true
			}
			continue
		}
		row = 0
		first = first && len(bytes.TrimSpace(line)) == 0
	}
	return false
}

// likely reports whether a line begins as an entry does. Most lines of other files do not,
// and one of each block is asked for.
func likely(line []byte) bool {
	line = bytes.TrimLeft(line, nul)
	return bytes.HasPrefix(line, dockerHead) || len(line) > 0 && line[0]-'0' <= 9
}

func (d *Decoder) isEntry(line []byte) bool {
	_, ok := parse(d.set.Format, bytes.TrimLeft(line, nul), &arena.Arena{})
	return ok
}

// nul is what remains where a file was truncated while its writer went on.
const nul = "\x00"

func (d *Decoder) line(line []byte, src decode.Source, offset int64, now time.Time) {
	line = bytes.TrimLeft(line, nul)
	e, ok := parse(d.set.Format, line, d.mem)
	if !ok {
		d.out.stats.Raw++
		e = entry{text: line}
	}
	p := &d.parts[index(e.stderr)]
	if len(p.Text) == 0 && !e.part {
		d.feed(e, src, offset, now)
		return
	}
	if len(p.Text) == 0 {
		p.File, p.Offset, p.Time = src.ID, offset, e.time
	}
	p.Text, p.Since = append(p.Text, e.text...), now
	if !e.part || len(p.Text) >= maxJoined {
		d.out.stats.Joined++
		d.complete(e.stderr, src, now)
	}
}

// complete decodes a line that arrived in parts.
func (d *Decoder) complete(stderr bool, src decode.Source, now time.Time) {
	p := d.parts[index(stderr)]
	d.parts[index(stderr)] = decode.Part{}
	d.feed(entry{text: p.Text, stderr: stderr, time: p.Time}, decode.Source{ID: p.File, Name: src.Name}, p.Offset, now)
}

// feed passes a whole line to its decoder.
func (d *Decoder) feed(e entry, src decode.Source, offset int64, now time.Time) {
	stream := index(e.stderr)
	line, from := rewrite(e.text, e.stderr, e.time, d.mem)
	switch {
	case from == record && bytes.Contains(line, newline):
		d.newlines = true
	case from == record && !d.newlines:
		line = ended(line)
	case from == text && d.inner[stream][record] != nil:
		from = record // it is between records, as in PM2's files
	}
	inner := &d.inner[stream][from]
	if *inner == nil {
		*inner = d.open(e.stderr, from, decode.State{})
	}
	several := bytes.IndexByte(line, '\n') >= 0 // of which only the first has an offset
	if d.run.inner != *inner || d.run.src.ID != src.ID || several {
		d.decodeRun(now)
	}
	d.run.inner, d.run.src = *inner, src
	d.run.block = append(append(d.run.block, line...), '\n')
	d.run.places = append(d.run.places, lines.Place{Offset: offset, Time: e.time})
	d.run.src.Lines = d.run.places
	if several {
		d.decodeRun(now)
	}
}

// decodeRun decodes the gathered lines.
func (d *Decoder) decodeRun(now time.Time) {
	r := &d.run
	if len(r.places) == 0 {
		return
	}
	logs, stats := r.inner.Decode(r.block, r.src, r.places[0].Offset, now, d.out.add)
	r.block, r.places = r.block[:0], r.places[:0]
	d.out.add(logs)
	d.out.stats.Add(stats)
}

// Flush returns records of lines that have waited long enough for their end, or of all lines if
// everything is set.
func (d *Decoder) Flush(src decode.Source, now time.Time, everything bool) (plog.Logs, decode.Stats) {
	d.out, d.mem = newMerged(d.set.Place, nil), &arena.Arena{}
	for stream := range d.parts {
		if p := &d.parts[stream]; len(p.Text) > 0 && (everything || now.Sub(p.Since) >= partIdle) {
			d.complete(stream == 1, src, now)
		}
	}
	d.decodeRun(now)
	all := []Inner{d.plain}
	for stream := range d.inner {
		all = append(all, d.inner[stream][:]...)
	}
	for i, inner := range all {
		if inner == nil {
			continue
		}
		logs, stats := inner.Flush(src, now, everything)
		if i == 0 && d.mode != decode.IsContainer && d.inner == [2][sources]Inner{} {
			d.out, d.run, d.mem = merged{}, gathered{}, nil
			return logs, stats
		}
		d.out.add(logs)
		d.out.stats.Add(stats)
	}
	return d.end(now)
}

func (d *Decoder) end(now time.Time) (plog.Logs, decode.Stats) {
	d.decodeRun(now)
	logs, stats := d.out.logs, d.out.stats
	d.out, d.run, d.mem = merged{}, gathered{}, nil
	return logs, stats
}
