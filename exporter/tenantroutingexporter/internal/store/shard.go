package store

import (
	"context"
	"errors"
	"hash/crc32"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// groupBytes bounds how much one transaction writes.
const groupBytes = 8 << 20

// shard is one file and the index of what it holds.
type shard struct {
	n      int
	damage func(ctx context.Context, n int, generation uint8, cause error) (*file, uint8, error) // opens a new file

	mu         sync.Mutex
	file       *file
	generation uint8
	next       uint64
	held       map[uint64]*record
	released   []*storage.Operation // waits for the next transaction
	queue      []*change
	busy       bool // a transaction is being written
}

// change is what one caller wants in a transaction.
type change struct {
	ops   []*storage.Operation
	bytes int
	err   error
	done  chan struct{} // closed when err is set
	lead  chan struct{} // closed when this caller has to write the next transaction
}

// apply writes ops in a transaction shared with all callers that come while the
// previous one is being written. One of the waiting callers does the writing.
func (sh *shard) apply(ctx context.Context, ops []*storage.Operation) error {
	c := &change{ops: ops, done: make(chan struct{}), lead: make(chan struct{})}
	for _, op := range ops {
		c.bytes += len(op.Value)
	}
	sh.mu.Lock()
	sh.queue = append(sh.queue, c)
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
	group, rest := sh.queue, []*change(nil)
	for i, size := 0, 0; i < len(group); i++ {
		if size += group[i].bytes; i > 0 && size > groupBytes {
			group, rest = group[:i], slices.Clone(group[i:])
		}
	}
	sh.queue = rest
	released := sh.released
	sh.released = nil
	f, generation := sh.file, sh.generation
	sh.mu.Unlock()

	all := slices.Clone(released)
	for _, g := range group {
		all = append(all, g.ops...)
	}
	var err error
	if len(all) > 0 {
		err = f.apply(ctx, all)
	}

	sh.mu.Lock()
	if err != nil && !errors.Is(err, errDamaged) {
		sh.released = append(released, sh.released...)
	}
	if errors.Is(err, errDamaged) {
		sh.replace(ctx, generation, err)
	}
	sh.busy = false
	if len(sh.queue) > 0 {
		sh.busy = true
		close(sh.queue[0].lead)
	}
	sh.mu.Unlock()
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
	sh.held = make(map[uint64]*record)
	sh.released = nil
}

// put stores records with their payloads and returns their sequence numbers and
// the generation of the file they are in.
func (sh *shard) put(ctx context.Context, records []*record, payloads [][]byte) ([]uint64, uint8, error) {
	sh.mu.Lock()
	first := sh.next
	sh.next += uint64(len(records))
	sh.mu.Unlock()
	ops := make([]*storage.Operation, 0, 2*len(records))
	seqs := make([]uint64, len(records))
	for i, r := range records {
		seqs[i] = first + uint64(i)
		r.sum = crc32.ChecksumIEEE(payloads[i])
		ops = append(ops,
			storage.SetOperation(key(payloadPrefix, seqs[i]), payloads[i]),
			storage.SetOperation(key(recordPrefix, seqs[i]), r.encode()))
	}
	err := sh.apply(ctx, ops)
	if errors.Is(err, errDamaged) {
		err = sh.apply(ctx, ops) // into the new file
	}
	if err != nil {
		return nil, 0, err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i, r := range records {
		sh.held[seqs[i]] = r
	}
	return seqs, sh.generation, nil
}

// read returns payloads; an element is nil if it is lost.
func (sh *shard) read(ctx context.Context, generation uint8, seqs []uint64) ([][]byte, error) {
	out := make([][]byte, len(seqs))
	sums := make([]uint32, len(seqs))
	var ops []*storage.Operation
	var at []int
	sh.mu.Lock()
	for i, seq := range seqs {
		if r := sh.held[seq]; r != nil && generation == sh.generation {
			ops, at, sums[i] = append(ops, storage.GetOperation(key(payloadPrefix, seq))), append(at, i), r.sum
		}
	}
	sh.mu.Unlock()
	if len(ops) == 0 {
		return out, nil
	}
	if err := sh.apply(ctx, ops); err != nil {
		if errors.Is(err, errDamaged) {
			return out, nil
		}
		return nil, err
	}
	for n, i := range at {
		if v := ops[n].Value; crc32.ChecksumIEEE(v) == sums[i] {
			out[i] = v
		}
	}
	return out, nil
}

// release notes that destination is done with seq.
func (sh *shard) release(generation uint8, seq uint64, destination string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.held[seq]
	if r == nil || generation != sh.generation {
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
	sh.released = append(sh.released, storage.DeleteOperation(key(recordPrefix, seq)), storage.DeleteOperation(key(payloadPrefix, seq)))
}

// flush writes what was released.
func (sh *shard) flush(ctx context.Context) error {
	sh.mu.Lock()
	idle := len(sh.released) == 0
	sh.mu.Unlock()
	if idle {
		return nil
	}
	return sh.apply(ctx, nil)
}
