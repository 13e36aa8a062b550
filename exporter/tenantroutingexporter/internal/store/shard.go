// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxNotes bounds how many operations of earlier deliveries are part of one transaction.
const maxNotes = 1024

// shard is one file and the index of its payloads.
type shard struct {
	n      int
	damage func(ctx context.Context, n int, generation uint8, cause error) (*file, uint8, error) // opens a new file
	wrote  func(sh *shard, bytes int)                                                            // is called after each transaction
	live   *atomic.Int64                                                                         // bytes that the held payloads use on the disk

	mu         sync.Mutex
	file       *file
	generation uint8 // of the file
	epoch      uint8 // changes when the held payloads are lost
	next       uint64
	held       map[uint64]*record
	names      []string             // destinations of the last payload
	released   []*storage.Operation // for the next transaction
	queue      changeQueue
	busy       bool          // a transaction is being written, or the file is replaced
	exclusive  chan struct{} // closed when lock gets the file; nil: it does not wait
}

func (sh *shard) name() string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.file.name
}

// lock waits until no transaction is being written, and excludes others until unlock. It has one caller at a
// time.
func (sh *shard) lock() {
	sh.mu.Lock()
	if !sh.busy {
		sh.busy = true
		sh.mu.Unlock()
		return
	}
	exclusive := make(chan struct{})
	sh.exclusive = exclusive
	sh.mu.Unlock()
	<-exclusive
}

func (sh *shard) unlock() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.pass()
}

// pass lets lock or the first waiting change use the file.
func (sh *shard) pass() {
	sh.busy = true
	switch {
	case sh.exclusive != nil:
		close(sh.exclusive)
		sh.exclusive = nil
	case !sh.queue.empty():
		close(sh.queue.first().lead)
	default:
		sh.busy = false
	}
}

// change is the part of one caller in a transaction.
type change struct {
	ops   []*storage.Operation
	bytes int
	after func() // called with shard.mu after ops were written; may be nil
	err   error
	done  chan struct{} // closed when err is set
	lead  chan struct{} // closed when this caller has to write the next transaction
}

// apply writes ops of the given size in a transaction that it shares with other callers that arrive during
// the previous transaction, up to a bound: see changeQueue. One of the waiting callers writes it.
func (sh *shard) apply(ctx context.Context, id tenant.ID, bytes int, ops []*storage.Operation) error {
	return sh.write(ctx, id, &change{ops: ops, bytes: bytes})
}

func (sh *shard) write(ctx context.Context, id tenant.ID, c *change) error {
	c.done, c.lead = make(chan struct{}), make(chan struct{})
	sh.mu.Lock()
	sh.queue.add(id, c)
	if sh.busy {
		sh.mu.Unlock()
		select {
		case <-c.done:
			return c.err
		case <-c.lead:
		}
		sh.mu.Lock()
	}
	sh.busy = true
	group := sh.queue.take() // includes c, which is first
	notes := min(len(sh.released), maxNotes)
	released := sh.released[:notes:notes]
	sh.released = sh.released[notes:]
	f, generation := sh.file, sh.generation
	sh.mu.Unlock()

	all := slices.Clone(released)
	for _, g := range group {
		all = append(all, g.ops...)
	}
	var err error
	if len(all) > 0 {
		// A caller that gives up must not cancel the changes of others.
		err = f.apply(context.WithoutCancel(ctx), all)
	}

	sh.mu.Lock()
	if err != nil && !errors.Is(err, errDamaged) {
		sh.released = append(released, sh.released...)
	}
	if errors.Is(err, errDamaged) {
		sh.replace(ctx, generation, err)
	}
	for _, g := range group {
		if err == nil && g.after != nil {
			g.after() // before pass: a compaction must know what the file contains
		}
	}
	sh.pass()
	sh.mu.Unlock()
	written := 0
	for _, g := range group {
		if len(g.ops) > 0 && g.ops[0].Type == storage.Set {
			written += g.bytes
		}
	}
	sh.wrote(sh, written)
	for _, g := range group {
		g.err = err
		close(g.done)
	}
	return err
}

// replace continues in a new file. What the old one contained is lost, except for payloads that are in
// memory too.
func (sh *shard) replace(ctx context.Context, generation uint8, cause error) {
	f, next, err := sh.damage(context.WithoutCancel(ctx), sh.n, generation, cause)
	if err != nil {
		return // the next transaction fails again and calls replace
	}
	_ = sh.file.close(ctx)
	sh.file, sh.generation = f, next
	sh.epoch++
	sh.held = make(map[uint64]*record)
	sh.live.Store(0)
	sh.released = nil
}

// put stores at least one record of one tenant with its payload, and returns the sequence numbers and the
// epoch.
func (sh *shard) put(ctx context.Context, records []*record, payloads [][]byte) ([]uint64, uint8, error) {
	sh.mu.Lock()
	first := sh.next
	sh.next += uint64(len(records))
	sh.mu.Unlock()
	ops := make([]*storage.Operation, 0, 2*len(records))
	seqs := make([]uint64, len(records))
	bytes := 0
	for i, r := range records {
		seqs[i] = first + uint64(i)
		value := r.pack(payloads[i])
		bytes += len(value) + EntryDisk
		ops = append(ops,
			storage.SetOperation(key(payloadPrefix, seqs[i]), value),
			storage.SetOperation(key(recordPrefix, seqs[i]), r.encode()))
	}
	var epoch uint8
	after := func() {
		epoch = sh.epoch
		for i, r := range records {
			r.destinations = sh.share(r.destinations)
			sh.held[seqs[i]] = r
			sh.live.Add(r.cost())
		}
	}
	err := sh.write(ctx, records[0].tenant, &change{ops: ops, bytes: bytes, after: after})
	if errors.Is(err, errDamaged) {
		err = sh.write(ctx, records[0].tenant, &change{ops: ops, bytes: bytes, after: after}) // into the new file
	}
	if err != nil {
		return nil, 0, err
	}
	return seqs, epoch, nil
}

// share returns the previous list if it equals names, so that payloads with the same destinations share one
// list in memory.
func (sh *shard) share(names []string) []string {
	if !slices.Equal(sh.names, names) {
		sh.names = names
	}
	return sh.names
}

// read returns payloads of one tenant. An element is nil if its payload is lost.
func (sh *shard) read(ctx context.Context, epoch uint8, seqs []uint64) ([][]byte, error) {
	out := make([][]byte, len(seqs))
	records := make([]*record, len(seqs))
	var ops []*storage.Operation
	var at []int
	bytes := 0
	sh.mu.Lock()
	for i, seq := range seqs {
		if r := sh.held[seq]; r != nil && epoch == sh.epoch {
			ops, at, records[i] = append(ops, storage.GetOperation(key(payloadPrefix, seq))), append(at, i), r
			bytes += r.size
		}
	}
	sh.mu.Unlock()
	if len(ops) == 0 {
		return out, nil
	}
	if err := sh.apply(ctx, records[at[0]].tenant, bytes, ops); err != nil {
		if errors.Is(err, errDamaged) {
			return out, nil
		}
		return nil, err
	}
	for n, i := range at {
		out[i] = records[i].unpack(ops[n].Value)
	}
	return out, nil
}

// release removes destination from those of the payload seq.
func (sh *shard) release(epoch uint8, seq uint64, destination string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.held[seq]
	if r == nil || epoch != sh.epoch {
		return
	}
	remaining := slices.DeleteFunc(slices.Clone(r.destinations), func(d string) bool { return d == destination })
	if len(remaining) > 0 {
		changed := *r
		changed.destinations = remaining
		sh.held[seq] = &changed
		sh.released = append(sh.released, storage.SetOperation(key(recordPrefix, seq), changed.encode()))
		return
	}
	delete(sh.held, seq)
	sh.live.Add(-r.cost())
	sh.released = append(sh.released, storage.DeleteOperation(key(recordPrefix, seq)), storage.DeleteOperation(key(payloadPrefix, seq)))
}

// flush records what has been released so far.
func (sh *shard) flush(ctx context.Context) error {
	sh.mu.Lock()
	remaining := len(sh.released)
	sh.mu.Unlock()
	for ; remaining > 0; remaining -= maxNotes {
		if err := sh.apply(ctx, "", 0, nil); err != nil {
			return err
		}
	}
	return nil
}
