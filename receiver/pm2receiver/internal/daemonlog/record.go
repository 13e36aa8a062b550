// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/identity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// event sets the fields of rec that a message reports.
func (d *Decoder) event(m *Message, e *Event, rec plog.LogRecord) {
	rec.Body().SetStr(string(m.Text))
	if m.Time != 0 {
		rec.SetTimestamp(pcommon.Timestamp(m.Time)) //nolint:gosec // no log is older than 1970
	}
	rec.SetSeverityText(m.Level)
	rec.SetSeverityNumber(m.Severity)
	if e.Severity > m.Severity {
		rec.SetSeverityText("")
		rec.SetSeverityNumber(e.Severity)
	}
	rec.SetEventName(e.Name)
	attrs := rec.Attributes()
	e.put(attrs)
	if e.Replaced {
		attrs.PutBool(attributeReplaced, true)
	}
	if e.App == "" && e.ID != envelope.NoProcess {
		attrs.PutInt(identity.AttributeProcessID, e.ID)
	}
}

// batch is the output of one block.
type batch struct {
	logs      plog.Logs
	src       decode.Source
	observed  pcommon.Timestamp
	mem       *slab.Slab
	stats     decode.Stats
	resources []resource
	// full is called with each full batch. records and text are the size of the present one.
	full    func(plog.Logs)
	records int
	text    int
}

type resource struct {
	process decode.Process
	records plog.LogRecordSlice
}

func (b *batch) begin(src decode.Source, now time.Time, size int, full func(plog.Logs)) {
	*b = batch{logs: plog.NewLogs(), src: src, observed: pcommon.NewTimestampFromTime(now), mem: slab.New(slab.Usage{Text: size, Values: size}), full: full}
}

// append adds a record to the resource that an event is about.
func (b *batch) append(set Settings, e Event) plog.LogRecord {
	p := decode.Process{ID: e.ID, App: e.App}
	if p.App == "" {
		p = decode.Process{ID: envelope.NoProcess, App: daemonName}
	}
	for i := range b.resources {
		if b.resources[i].process == p {
			return b.resources[i].records.AppendEmpty()
		}
	}
	rl := b.logs.ResourceLogs().AppendEmpty()
	identity.Put(rl.Resource().Attributes(), set.Host, p.App, p.ID)
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(set.Scope)
	sl.Scope().SetVersion(set.Version)
	b.resources = append(b.resources, resource{p, sl.LogRecords()})
	return sl.LogRecords().AppendEmpty()
}

// grow counts a record and passes the batch to full if it is full.
func (b *batch) grow(text int) {
	b.records++
	b.text += text
	if b.full == nil || b.records < maxRecords && b.text < maxText {
		return
	}
	logs := b.logs
	b.logs, b.resources, b.records, b.text = plog.NewLogs(), nil, 0, 0
	b.full(logs)
}

// uid returns the log.record.uid of a line. It depends on the position of the line only, so
// that it is the same when the line is read again after a crash.
func (b *batch) uid(l *lines.Line) string {
	uid := fmt.Sprintf("%016x-%d-0", l.File, l.Offset)
	if l.Part > 0 {
		uid += fmt.Sprintf("-%d", l.Part)
	}
	return uid
}

// maxProcesses bounds the processes whose names are remembered, and maxName their names.
const (
	maxProcesses = 256
	maxName      = 1 << 10
)

// processes adds the names of processes, from earlier messages, to events without one.
type processes struct{ decode.DaemonState }

// resolve sets the name of the event's process, or remembers it if the event has one.
func (p *processes) resolve(e *Event) {
	switch {
	case e.afterExit && p.Exited && len(p.Processes) > 0:
		last := p.Processes[len(p.Processes)-1]
		e.App, e.ID = last.App, last.ID
	case e.App == "" && e.ID != envelope.NoProcess:
		if i := p.find(e.ID); i >= 0 {
			e.App = p.Processes[i].App
		}
	case e.App != "" && len(e.App) <= maxName && e.ID != envelope.NoProcess:
		if i := p.find(e.ID); i >= 0 {
			p.Processes = slices.Delete(p.Processes, i, i+1)
		} else if len(p.Processes) >= maxProcesses {
			p.Processes = slices.Delete(p.Processes, 0, 1)
		}
		p.Processes = append(p.Processes, decode.Process{ID: e.ID, App: e.App})
	}
	p.Exited = e.Name == "pm2.process.exit"
}

func (p *processes) find(id int64) int {
	return slices.IndexFunc(p.Processes, func(x decode.Process) bool { return x.ID == id })
}
