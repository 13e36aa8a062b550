// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	stored "go.opentelemetry.io/collector/pdata/xpdata/request"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/sendingqueue"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// migrationFolder is the folder for requests of other queues that could not be read.
	migrationFolder = "migration"

	// migrationBatch bounds the bytes of small requests that are merged. It must not change: after a kill the
	// first batch is compared with the payloads in storage.
	migrationBatch  = 128 << 10
	migrationMerged = 1000 // requests

	// migrationPoll is the time between two attempts while storage is full.
	migrationPoll = time.Second

	// migrationTries is how often the removal of a request that is stored is tried before it is
	// delivered without that.
	migrationTries = 5

	// migrationLogged bounds the log lines about requests of a queue that are set aside.
	migrationLogged = 10
)

// migrations moves the requests in the sending queues of other exporters to lanes.
type migrations struct {
	list []*migration
	busy [3]atomic.Bool // by signal: new requests are rejected until older ones are moved

	moved, faults [3]atomic.Int64 // requests
}

// migration is one queue of another exporter.
type migration struct {
	*router
	exporter component.ID
	signal   tenant.Signal
	path     string // empty: not known
	queue    *sendingqueue.Queue
	head     *migrationHead // nil: to be read
	aside    int
	waited   bool // for free space, and it is logged
}

// migrationHead has the requests that are moved next: the first ones of a queue, as parts.
type migrationHead struct {
	requests  int
	parts     []lane.Part
	converted *conversions
	stored    int // number of parts that are in storage
	known     []bool
	removed   bool // from the queue
	tries     int  // to remove it
}

// openMigrations opens the existing queues of other exporters. A queue that cannot be opened is logged and stays.
func (r *router) openMigrations(ctx context.Context, host component.Host, remaining []lane.Part) {
	ext, err := storageclient.Find(host, "storage", *r.cfg.Storage)
	if err != nil {
		return // openStore has reported it
	}
	for _, signal := range tenant.AllSignals() {
		for _, id := range r.cfg.MigrateQueues {
			m := &migration{router: r, exporter: id, signal: signal}
			if err := m.open(ctx, ext); err != nil {
				r.set.Logger.Error("Failed to open the sending queue of another exporter; it remains unchanged, and the next start retries",
					zap.Stringer("exporter", id), zap.Stringer("signal", signal), zap.Error(err))
				continue
			}
			if m.queue == nil {
				continue
			}
			m.resume(ctx, remaining)
			r.migrations.list = append(r.migrations.list, m)
			r.migrations.busy[signal].Store(true)
			r.set.Logger.Info("Migrating the sending queue of another exporter; new data is rejected until that is done",
				zap.Stringer("exporter", id), zap.Stringer("signal", signal), zap.Int("requests", m.queue.Len()))
		}
	}
}

// open opens the queue if there is one.
func (m *migration) open(ctx context.Context, ext *storageclient.Extension) error {
	owner, name := storageclient.Owner{Kind: component.KindExporter, ID: m.exporter}, m.signal.String()
	path, known := ext.Locate(owner, name)
	if known {
		state, err := boltfile.Inspect(path)
		switch {
		case errors.Is(err, boltfile.ErrDamaged):
			m.migrations.faults[m.signal].Add(1)
			aside, aerr := boltfile.SetAside(path)
			if aside == "" {
				return errors.Join(err, aerr)
			}
			m.set.Logger.Error("The sending queue of another exporter is damaged and set aside; its requests are lost",
				zap.String("file", path), zap.String("set_aside", aside), zap.Error(err))
			return nil
		case err != nil:
			return err
		case state == boltfile.Missing:
			return nil
		}
		m.path = path
	}
	client, err := ext.Open(ctx, owner, name)
	if err != nil {
		return err
	}
	if m.queue, err = m.list(ctx, client); err != nil {
		return errors.Join(err, client.Close(ctx))
	}
	return nil
}

func (m *migration) list(ctx context.Context, client storage.Client) (q *sendingqueue.Queue, err error) {
	defer m.recovery.Catch("listing the sending queue of another exporter", &err)
	return sendingqueue.Open(ctx, client)
}

// resume finds out which parts of the first requests an earlier run has stored before it was killed. No
// stored payload has been sent since then.
func (m *migration) resume(ctx context.Context, remaining []lane.Part) {
	if m.queue.Len() == 0 || len(remaining) == 0 {
		return
	}
	if err := m.next(ctx); err != nil || m.head == nil {
		return // run has the same error
	}
	var candidates []*lane.Payload
	for _, part := range remaining {
		if p := part.Payload; p.Signal == m.signal && p.Accepted.Nanosecond() == m.mark() {
			candidates = append(candidates, p)
		}
	}
	for i, part := range m.head.parts {
		m.head.known[i] = slices.ContainsFunc(candidates, func(p *lane.Payload) bool { return m.same(ctx, p, part.Payload) })
	}
}

func (m *migration) same(ctx context.Context, stored, p *lane.Payload) bool {
	if stored.Tenant != p.Tenant || stored.Size != p.Size || stored.Records != p.Records {
		return false
	}
	data, err := m.store.Read(ctx, []*lane.Payload{stored})
	return err == nil && bytes.Equal(data[0], p.Data)
}

// mark is the nanoseconds of the time of acceptance of the first request of the queue. resume finds its
// payloads by it.
func (m *migration) mark() int { return int(m.queue.Number(0) % uint64(time.Second)) }

// migrate moves all queues, one after the other. A queue that cannot be moved at present is tried again
// until the exporter shuts down.
func (r *router) migrate() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.recovery.Go(&r.tasks, "ending the migration of queues", func() {
		select {
		case <-r.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	defer func() {
		for _, m := range r.migrations.list {
			m.head.drop() // others may wait for its converters
		}
	}()
	for i, m := range r.migrations.list {
		for !m.run(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(migrationPoll):
			}
		}
		if !slices.ContainsFunc(r.migrations.list[i+1:], func(other *migration) bool { return other.signal == m.signal }) {
			r.migrations.busy[m.signal].Store(false)
		}
	}
}

// run moves as many requests as it can, and reports whether the queue is done.
func (m *migration) run(ctx context.Context) (done bool) {
	var err error
	if bug := m.recovery.Run("migrating the sending queue of another exporter", func() { done, err = m.move(ctx) }); bug != nil {
		m.giveUp(ctx, bug)
		return true
	}
	if err != nil && ctx.Err() == nil && !m.waited {
		m.waited = true
		m.set.Logger.Warn("The migration of the sending queue of another exporter is paused",
			zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.Int("requests", m.queue.Len()), zap.Error(err))
	}
	return done
}

func (m *migration) move(ctx context.Context) (done bool, err error) {
	for ctx.Err() == nil {
		if m.head == nil {
			if m.queue.Len() == 0 {
				return true, m.finish(ctx)
			}
			if err := m.next(ctx); err != nil {
				return false, err
			}
			continue
		}
		if err := m.moveHead(ctx); err != nil {
			if m.head.stored == 0 && !slices.Contains(m.head.known, true) {
				m.head.drop() // it is read again
				m.head = nil
			}
			return false, err
		}
		m.waited = false
	}
	return false, ctx.Err()
}

// moveHead stores the first requests, removes them from the queue, and queues them in their lanes, in
// this order. A kill in between loses nothing, and resume finds them before they are sent.
func (m *migration) moveHead(ctx context.Context) error {
	h := m.head
	st := &safeStore{m.store, m.recovery}
	for ; h.stored < len(h.parts); h.stored++ {
		if h.known[h.stored] {
			continue
		}
		if err := m.checkSpace(h.parts[h.stored].Payload); err != nil {
			return err
		}
		if err := st.Put(ctx, h.parts[h.stored:h.stored+1]); err != nil {
			return err
		}
	}
	h.commit(m.scheduler.Load())
	if !h.removed {
		if err := m.queue.Remove(ctx, h.requests); err != nil {
			if h.tries++; h.tries < migrationTries {
				return err
			}
			// The disk may be full until something is delivered. A kill would make it be delivered again.
			m.deliver(h)
			return err
		}
		h.removed = true
	}
	m.deliver(h)
	m.migrations.moved[m.signal].Add(int64(h.requests))
	m.head = nil
	return nil
}

// deliver queues the parts, once.
func (m *migration) deliver(h *migrationHead) {
	sched := m.scheduler.Load()
	for i, part := range h.parts {
		if h.known[i] {
			continue
		}
		h.known[i] = true
		part.Payload.Data = nil // it is read back when it is sent
		sched.Recover(part)
	}
}

// commit adds the converted points to the totals.
func (h *migrationHead) commit(sched *lane.Scheduler) {
	if h.converted != nil {
		h.converted.accept(sched)
		h.drop()
	}
}

// drop releases the converters.
func (h *migrationHead) drop() {
	if h != nil && h.converted != nil {
		h.converted.close()
		h.converted = nil
	}
}

// checkSpace returns an error if storage has no space for p at present.
func (m *migration) checkSpace(p *lane.Payload) error {
	size := int64(p.Size) + store.EntryDisk
	space := m.store.Space(p.Tenant)
	if size > space.Quota {
		return errors.New("storage is full (max_total_bytes)")
	}
	if size > space.Disk && m.store.Usage().Held+size > space.Small {
		return errors.New("the disk is full (storage_reserve)")
	}
	return nil
}

// next reads the first requests. It sets aside and removes a request that cannot be read.
func (m *migration) next(ctx context.Context) error {
	h := &migrationHead{}
	size := 0
	for h.requests < min(m.queue.Len(), migrationMerged) {
		value, err := m.queue.Read(ctx, h.requests)
		if err != nil {
			return err
		}
		if h.requests > 0 && size+len(value) > migrationBatch {
			break
		}
		converted := &conversions{}
		parts, delta, err := m.parts(ctx, value, converted)
		if err != nil {
			converted.close()
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if rejected := (*rejection.Error)(nil); errors.As(err, &rejected) && rejected.Reason().Retryable() {
				if h.requests > 0 {
					break
				}
				return err
			}
			if h.requests > 0 {
				break // leave it for the next head
			}
			return m.setAside(ctx, value, err)
		}
		if h.requests > 0 && !mergeable(h.parts, parts, delta) {
			converted.close()
			break
		}
		h.requests++
		size += len(value)
		if h.requests == 1 || len(h.parts) == 0 {
			h.parts, h.converted = parts, converted
		} else if len(parts) > 0 {
			into, p := h.parts[0].Payload, parts[0].Payload
			into.Data = append(into.Data, p.Data...) // it is not shared
			into.Size, into.Records = len(into.Data), into.Records+p.Records
		}
		if delta || len(h.parts) > 1 {
			break
		}
	}
	accepted := time.Unix(time.Now().Unix(), int64(m.mark()))
	for _, part := range h.parts {
		part.Payload.Accepted = accepted
	}
	h.known = make([]bool, len(h.parts))
	m.head = h
	return nil
}

// mergeable reports whether a request can be merged with the earlier ones.
func mergeable(earlier, parts []lane.Part, delta bool) bool {
	switch {
	case delta || len(parts) > 1 || len(earlier) > 1:
		return false
	case len(parts) == 0 || len(earlier) == 0:
		return true
	}
	a, b := earlier[0], parts[0]
	return a.Payload.Tenant == b.Payload.Tenant && a.Payload.Rejection == nil && b.Payload.Rejection == nil &&
		slices.EqualFunc(a.Routes, b.Routes, func(x, y lane.Route) bool { return x.Destination == y.Destination })
}

// parts returns the parts of a request, as if it had just been received.
func (m *migration) parts(ctx context.Context, value []byte, converted *conversions) (parts []lane.Part, delta bool, err error) {
	defer m.recovery.Catch("reading a request of another exporter", &err)
	c, err := storedContent(m.signal, value)
	if err != nil {
		return nil, false, malformed(err)
	}
	if c == nil { // it is empty
		return nil, false, nil
	}
	dir := m.directory()
	if dir == nil {
		return nil, false, rejection.Of(rejection.NotLoaded)
	}
	parts, err = m.encode(ctx, dir, m.signal, c, converted)
	return parts, c.delta, err
}

// setAside writes the first request to a file, and removes it from the queue.
func (m *migration) setAside(ctx context.Context, value []byte, cause error) error {
	dir := m.stateDir
	if m.cfg.DeadLetter.HasValue() {
		dir = m.cfg.DeadLetter.Get().Directory
	}
	if dir == "" {
		return fmt.Errorf("a request cannot be read (%w), and there is no directory for it: set dead_letter::directory", cause)
	}
	dir = filepath.Join(dir, migrationFolder)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	// If a kill follows, the next run writes the same file again.
	path := filepath.Join(dir, fmt.Sprintf("%s_%s_%d.bin", strings.ReplaceAll(m.exporter.String(), "/", "_"), m.signal, m.queue.Number(0)))
	if err := writeSynced(path, value); err != nil {
		return err
	}
	if err := m.queue.Remove(ctx, 1); err != nil {
		return err
	}
	m.aside++
	m.migrations.faults[m.signal].Add(1)
	if m.aside <= migrationLogged { // a queue may have many; finish logs the number
		m.set.Logger.Error("Set aside a request in the sending queue of another exporter that cannot be delivered",
			zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.String("file", path), zap.Error(cause))
	}
	return nil
}

// finish removes the empty queue.
func (m *migration) finish(ctx context.Context) error {
	foreign := m.queue.Foreign()
	var err error
	if m.path == "" || foreign {
		err = m.queue.Clear(ctx)
	}
	err = errors.Join(err, m.close(ctx))
	if m.path != "" && !foreign {
		err = errors.Join(err, os.Remove(m.path))
	}
	if err != nil { // the next start removes it
		m.set.Logger.Warn("Failed to remove the empty sending queue of another exporter",
			zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.Error(err))
	}
	m.set.Logger.Info("Migrated and removed the sending queue of another exporter",
		zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.Int("set_aside", m.aside))
	return nil
}

// giveUp sets aside a queue whose file makes storage panic, because it is damaged.
func (m *migration) giveUp(ctx context.Context, cause error) {
	m.migrations.faults[m.signal].Add(1)
	m.head.drop()
	m.head = nil
	err := m.recovery.Run("closing the sending queue of another exporter", func() { _ = m.close(ctx) })
	aside := ""
	if m.path != "" {
		var aerr error
		aside, aerr = boltfile.SetAside(m.path)
		err = errors.Join(err, aerr)
	}
	m.set.Logger.Error("The sending queue of another exporter cannot be read to its end and is set aside; its remaining requests are not delivered",
		zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.String("set_aside", aside), zap.Error(errors.Join(cause, err)))
}

// close closes the queue, once.
func (m *migration) close(ctx context.Context) error {
	m.head.drop()
	if m.queue == nil {
		return nil
	}
	q := m.queue
	m.queue = nil
	return q.Close(ctx)
}

// storedContent decodes a request of a sending queue: an OTLP request, in newer releases together with the
// client's context. It returns nil if the request is empty.
func storedContent(signal tenant.Signal, value []byte) (*content, error) {
	switch signal {
	case tenant.Logs:
		_, ld, err := stored.UnmarshalLogs(value)
		if errors.Is(err, stored.ErrInvalidFormat) {
			ld, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(value)
		}
		if err != nil || ld.LogRecordCount() == 0 {
			return nil, err
		}
		return logsContent(ld), nil
	case tenant.Metrics:
		_, md, err := stored.UnmarshalMetrics(value)
		if errors.Is(err, stored.ErrInvalidFormat) {
			md, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(value)
		}
		if err != nil || md.MetricCount() == 0 {
			return nil, err
		}
		return metricsContent(md), nil
	}
	_, td, err := stored.UnmarshalTraces(value)
	if errors.Is(err, stored.ErrInvalidFormat) {
		td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(value)
	}
	if err != nil || td.SpanCount() == 0 {
		return nil, err
	}
	return tracesContent(td), nil
}
