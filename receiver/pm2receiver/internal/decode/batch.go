// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/identity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/stacks"
)

// batch is the output of one block.
type batch struct {
	logs      plog.Logs
	src       Source
	observed  pcommon.Timestamp
	size      int // of the block
	mem       *slab.Slab
	stats     Stats
	resources []resource
	// full takes the batches that are full; records and text are the size of this one.
	full    func(plog.Logs)
	records int
	text    int
	named   uint64   // the file of name
	name    [17]byte // what the uids of its lines begin with
}

type resource struct {
	app     string
	id      int64
	records plog.LogRecordSlice
}

// slice returns the records of the process that wrote e. A block holds few
// processes.
func (b *batch) slice(d *Decoder, e *stacks.Entry) plog.LogRecordSlice {
	for i := range b.resources {
		if r := &b.resources[i]; r.id == e.ProcessID && r.app == e.App {
			return r.records
		}
	}
	rl := b.logs.ResourceLogs().AppendEmpty()
	attrs := rl.Resource().Attributes()
	identity.Put(attrs, d.set.Host, e.App, e.ProcessID)
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(d.set.Scope)
	sl.Scope().SetVersion(d.set.Version)
	if len(b.resources) == 0 {
		sl.LogRecords().EnsureCapacity(d.many)
	}
	b.resources = append(b.resources, resource{e.App, e.ProcessID, sl.LogRecords()})
	return sl.LogRecords()
}

// uid identifies a line by its position, so that it has the same identifier when it is read
// again after a crash.
func (b *batch) uid(e *stacks.Entry) string {
	if b.named != e.File || b.name[16] != '-' {
		const digits = "0123456789abcdef"
		for i := range 16 {
			b.name[i] = digits[e.File>>(60-4*i)&15]
		}
		b.named, b.name[16] = e.File, '-'
	}
	var space [64]byte // more than the three numbers need
	buf := append(space[:0], b.name[:]...)
	buf = strconv.AppendInt(buf, e.Offset, 10)
	buf = strconv.AppendInt(append(buf, '-'), int64(e.Index), 10)
	if e.Part > 0 {
		buf = strconv.AppendInt(append(buf, '-'), int64(e.Part), 10)
	}
	return b.mem.String(buf)
}
