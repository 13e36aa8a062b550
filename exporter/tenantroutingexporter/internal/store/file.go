// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sort"

	"go.opentelemetry.io/collector/extension/xextension/storage"

	berrors "go.etcd.io/bbolt/errors"
)

// errDamaged means that a file must not be used any more.
var errDamaged = errors.New("queue file is damaged")

// guard calls f and converts the panics that a damaged file causes to errDamaged. Storage that maps files
// into memory panics on invalid pages, and faults on pages that a truncated file no longer has.
func guard(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	err = f()
	for _, damage := range []error{berrors.ErrInvalid, berrors.ErrVersionMismatch, berrors.ErrChecksum} {
		if errors.Is(err, damage) {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	return err
}

// opener returns the client of the queue file with the given name.
type opener func(ctx context.Context, name string) (storage.Client, error)

// file is one client of the storage extension.
type file struct {
	name   string
	client storage.Client
}

func fileName(shard int, generation uint8) string {
	if generation == 0 {
		return fmt.Sprintf("lanes_%02d", shard)
	}
	return fmt.Sprintf("lanes_%02d_%d", shard, generation)
}

func openFile(ctx context.Context, open opener, name string) (*file, error) {
	f := &file{name: name}
	err := guard(func() error {
		c, err := open(ctx, name)
		f.client = c
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("failed to open %s: %w", name, err)
	}
	return f, nil
}

func (f *file) apply(ctx context.Context, ops []*storage.Operation) error {
	return guard(func() error { return f.client.Batch(ctx, ops...) })
}

func (f *file) close(ctx context.Context) error {
	return guard(func() error { return f.client.Close(ctx) })
}

// content is the content of a file when it was opened.
type content struct {
	records map[uint64]*record
	order   []uint64 // sorted
	next    uint64   // first sequence number never used
	faults  int      // invalid entries, which were removed
}

// load reads the records of the file, without the payloads.
func (f *file) load(ctx context.Context) (*content, error) {
	walker, ok := f.client.(storage.Walker)
	if !ok {
		return nil, errors.New(`"storage" names an extension that cannot list its keys (it is not a storage.Walker); use file_storage`)
	}
	c := &content{records: make(map[uint64]*record)}
	payloads := make(map[uint64]bool)
	err := guard(func() error {
		return walker.Walk(ctx, func(k string, value []byte) ([]*storage.Operation, error) {
			prefix, seq, ok := parseKey(k)
			if !ok || prefix != payloadPrefix && prefix != recordPrefix {
				c.faults++ // keep it, because a newer version may be able to read it
				return nil, nil
			}
			c.next = max(c.next, seq+1)
			switch prefix {
			case payloadPrefix:
				payloads[seq] = true
			case recordPrefix:
				r, err := decodeRecord(value)
				if err != nil {
					c.faults++
					return []*storage.Operation{storage.DeleteOperation(k)}, nil
				}
				c.records[seq] = r
			}
			return nil, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("failed to read %s: %w", f.name, err)
	}
	return c, f.reconcile(ctx, c, payloads)
}

// reconcile removes records without payload and payloads without record. Storage without transactions leaves
// them when the process is killed.
func (f *file) reconcile(ctx context.Context, c *content, payloads map[uint64]bool) error {
	var ops []*storage.Operation
	for seq := range c.records {
		if payloads[seq] {
			c.order = append(c.order, seq)
			continue
		}
		c.faults++
		delete(c.records, seq)
		ops = append(ops, storage.DeleteOperation(key(recordPrefix, seq)))
	}
	for seq := range payloads {
		if c.records[seq] == nil {
			c.faults++
			ops = append(ops, storage.DeleteOperation(key(payloadPrefix, seq)))
		}
	}
	sort.Slice(c.order, func(i, j int) bool { return c.order[i] < c.order[j] })
	if len(ops) == 0 {
		return nil
	}
	if err := f.apply(ctx, ops); err != nil {
		return fmt.Errorf("failed to reconcile %s: %w", f.name, err)
	}
	return nil
}
