// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package sendingqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"google.golang.org/protobuf/encoding/protowire"
)

// The keys for the metadata of a queue, in this release and in earlier ones.
const (
	metadataKey   = "qmv0"
	readKey       = "ri"
	writeKey      = "wi"
	dispatchedKey = "di"
)

// Fields of the message under metadataKey.
const (
	readField  protowire.Number = 3
	writeField protowire.Number = 4
)

// Queue is the queue of one exporter and signal. It is for one goroutine.
type Queue struct {
	client  storage.Client
	numbers []uint64 // of the requests, sorted
	next    uint64   // number of the next request
	foreign bool     // there are keys that do not belong to a queue
}

// Open lists the requests in client. Close closes client.
func Open(ctx context.Context, client storage.Client) (*Queue, error) {
	walker, ok := client.(storage.Walker)
	if !ok {
		return nil, errors.New("the storage extension cannot list its keys")
	}
	q := &Queue{client: client}
	err := walker.Walk(ctx, func(key string, _ []byte) ([]*storage.Operation, error) {
		n, err := strconv.ParseUint(key, 10, 64)
		switch {
		case err == nil && strconv.FormatUint(n, 10) == key:
			q.numbers = append(q.numbers, n)
		case key != metadataKey && key != readKey && key != writeKey && key != dispatchedKey:
			q.foreign = true
		}
		return nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("failed to list the requests: %w", err)
	}
	slices.Sort(q.numbers)
	if n := len(q.numbers); n > 0 {
		q.next = q.numbers[n-1] + 1
	}
	return q, nil
}

// Len returns how many requests there are.
func (q *Queue) Len() int { return len(q.numbers) }

// Number returns the number of request i.
func (q *Queue) Number(i int) uint64 { return q.numbers[i] }

// Read returns request i as it was stored.
func (q *Queue) Read(ctx context.Context, i int) ([]byte, error) {
	value, err := q.client.Get(ctx, strconv.FormatUint(q.numbers[i], 10))
	if err != nil {
		return nil, fmt.Errorf("failed to read a request: %w", err)
	}
	return value, nil
}

// Remove removes the first n requests, all or none. The exporter that owned the queue can still use it.
func (q *Queue) Remove(ctx context.Context, n int) error {
	read := q.next
	if n < len(q.numbers) {
		read = q.numbers[n]
	}
	var metadata []byte
	for field, value := range map[protowire.Number]uint64{readField: read, writeField: q.next} {
		metadata = protowire.AppendFixed64(protowire.AppendTag(metadata, field, protowire.Fixed64Type), value)
	}
	ops := []*storage.Operation{
		storage.SetOperation(metadataKey, metadata), storage.DeleteOperation(readKey), storage.DeleteOperation(writeKey), storage.DeleteOperation(dispatchedKey),
	}
	for _, number := range q.numbers[:n] {
		ops = append(ops, storage.DeleteOperation(strconv.FormatUint(number, 10)))
	}
	if err := q.client.Batch(ctx, ops...); err != nil {
		return fmt.Errorf("failed to remove requests: %w", err)
	}
	q.numbers = q.numbers[n:]
	return nil
}

// Foreign reports whether storage has keys that do not belong to a queue.
func (q *Queue) Foreign() bool { return q.foreign }

// Clear removes the metadata of an empty queue.
func (q *Queue) Clear(ctx context.Context) error {
	return q.client.Batch(ctx, storage.DeleteOperation(metadataKey), storage.DeleteOperation(readKey),
		storage.DeleteOperation(writeKey), storage.DeleteOperation(dispatchedKey))
}

// Close closes the client.
func (q *Queue) Close(ctx context.Context) error { return q.client.Close(ctx) }
