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

// maxNotes bounds how many deliveries one transaction notes beside what it stores,
// in operations.
const maxNotes = 1024

// shard is one file and the index of what it holds.
type shard struct {
	n      int
	damage func(ctx context.Context, n int, generation uint8, cause error) (*file, uint8, error) // opens a new file
	wrote  func(sh *shard, bytes int)                                                            // is called after each transaction
	live   *atomic.Int64                                                                         // what held costs on the disk

	mu         sync.Mutex
	file       *file
	generation uint8 // of the file
	epoch      uint8 // changes when what was held is lost
	next       uint64
	held       map[uint64]*record
	names      []string             // destinations of what was put last
	released   []*storage.Operation // waits for the next transaction
	line       line
	busy       bool          // a transaction is being written, or the file is replaced
	turn       chan struct{} // closed when it is the turn of hold; nil: nobody holds
}

func (sh *shard) name() string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.file.name
}

// hold waits until no transaction is being written, and keeps others from being
// begun until letGo. One caller holds at a time.
func (sh *shard) hold() {
	sh.mu.Lock()
	if !sh.busy {
		sh.busy = true
		sh.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	sh.turn = turn
	sh.mu.Unlock()
	<-turn
}

func (sh *shard) letGo() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.pass()
}

// pass gives the turn to hold, or to the first in the line.
func (sh *shard) pass() {
	sh.busy = true
	switch {
	case sh.turn != nil:
		close(sh.turn)
		sh.turn = nil
	case !sh.line.empty():
		close(sh.line.first().lead)
	default:
		sh.busy = false
	}
}

// change is what one caller wants in a transaction.
type change struct {
	ops   []*storage.Operation
	bytes int
	after func() // called with shard.mu when ops are written; nil: nothing to do
	err   error
	done  chan struct{} // closed when err is set
	lead  chan struct{} // closed when this caller has to write the next transaction
}

// apply writes ops, of so many bytes, in a transaction shared with all callers that
// come while the previous one is being written, as far as it has room: see line.
// One of the waiting callers does the writing.
func (sh *shard) apply(ctx context.Context, id tenant.ID, bytes int, ops []*storage.Operation) error {
	return sh.write(ctx, id, &change{ops: ops, bytes: bytes})
}

func (sh *shard) write(ctx context.Context, id tenant.ID, c *change) error {
	c.done, c.lead = make(chan struct{}), make(chan struct{})
	sh.mu.Lock()
	sh.line.add(id, c)
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
	group := sh.line.take() // has c: it is led by who is first, or there was nobody
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
		// A caller who gives up takes nobody else's data along.
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
			g.after() // before the turn passes: a compaction must know what the file holds
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

// replace goes on in a new file. Everything the old one held is lost, except
// payloads that are in memory too.
func (sh *shard) replace(ctx context.Context, generation uint8, cause error) {
	f, next, err := sh.damage(context.WithoutCancel(ctx), sh.n, generation, cause)
	if err != nil {
		return // the next transaction meets the damage again and comes back here
	}
	_ = sh.file.close(ctx)
	sh.file, sh.generation = f, next
	sh.epoch++
	sh.held = make(map[uint64]*record)
	sh.live.Store(0)
	sh.released = nil
}

// put stores records of one tenant, at least one, with their payloads, and returns
// their sequence numbers and the generation of the file they are in.
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

// share returns a list equal to names that is in memory already, if the last one
// was: most of a tenant's payloads go to the same destinations.
func (sh *shard) share(names []string) []string {
	if !slices.Equal(sh.names, names) {
		sh.names = names
	}
	return sh.names
}

// read returns payloads of one tenant; an element is nil if it is lost.
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

// release notes that destination is done with seq.
func (sh *shard) release(epoch uint8, seq uint64, destination string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.held[seq]
	if r == nil || epoch != sh.epoch {
		return
	}
	left := slices.DeleteFunc(slices.Clone(r.destinations), func(d string) bool { return d == destination })
	if len(left) > 0 {
		changed := *r
		changed.destinations = left
		sh.held[seq] = &changed
		sh.released = append(sh.released, storage.SetOperation(key(recordPrefix, seq), changed.encode()))
		return
	}
	delete(sh.held, seq)
	sh.live.Add(-r.cost())
	sh.released = append(sh.released, storage.DeleteOperation(key(recordPrefix, seq)), storage.DeleteOperation(key(payloadPrefix, seq)))
}

// flush writes what has been released until now.
func (sh *shard) flush(ctx context.Context) error {
	sh.mu.Lock()
	left := len(sh.released)
	sh.mu.Unlock()
	for ; left > 0; left -= maxNotes {
		if err := sh.apply(ctx, "", 0, nil); err != nil {
			return err
		}
	}
	return nil
}
