// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// The index has a key for each watched attempt, with the payloads that it sends. From one start to the next
// it also has the payloads that were being sent when a process crashed.
const (
	attemptKeyPrefix = "attempt_"
	doubtfulKey      = "doubtful"

	// PoisonDeaths is how many processes in a row have to crash while they send a payload until it is
	// poison. Before that, it is sent alone, so that harmless payloads are delivered.
	PoisonDeaths = 2
)

// attempts is guarded by Store.indexMu, so that it matches the index.
type attempts struct {
	next  int
	ended []*storage.Operation // removes the keys of ended attempts, with the next write

	mu sync.Mutex // guards ended too
}

// attemptID identifies a stored payload across restarts.
func attemptID(id uint64) uint64 {
	shard, _, seq := splitID(id)
	return storeID(shard, 0, seq)
}

// openAttempts marks the parts that may have crashed the last process.
func (s *Store) openAttempts(ctx context.Context, parts []lane.Part) error {
	deaths := make(map[uint64]uint8)
	var ops []*storage.Operation
	walker, ok := s.index.client.(storage.Walker)
	if !ok {
		return nil // load reports it
	}
	err := guard(func() error {
		return walker.Walk(ctx, func(k string, value []byte) ([]*storage.Operation, error) {
			switch {
			case k == doubtfulKey:
				addDeaths(deaths, string(value))
			case strings.HasPrefix(k, attemptKeyPrefix):
				ops = append(ops, storage.DeleteOperation(k))
				if s.set.Fault {
					addDeaths(deaths, string(value))
				}
			}
			return nil, nil
		})
	})
	if err != nil {
		return fmt.Errorf("failed to read the index of queue files: %w", err)
	}
	var doubtful strings.Builder
	for _, part := range parts {
		p := part.Payload
		if p.Deaths = deaths[attemptID(p.StoreID)]; p.Deaths > 0 {
			fmt.Fprintf(&doubtful, "%x:%d ", attemptID(p.StoreID), p.Deaths)
		}
	}
	watched := s.set.Fault || doubtful.Len() > 0
	for _, part := range parts {
		part.Payload.Watched = watched
	}
	switch {
	case doubtful.Len() > 0:
		ops = append(ops, storage.SetOperation(doubtfulKey, []byte(doubtful.String())))
	case len(deaths) > 0 || len(ops) > 0:
		ops = append(ops, storage.DeleteOperation(doubtfulKey))
	}
	if len(ops) == 0 {
		return nil
	}
	if err := s.index.apply(ctx, ops); err != nil {
		return fmt.Errorf("failed to write the index of queue files: %w", err)
	}
	return nil
}

// addDeaths adds a list of "ID:deaths".
func addDeaths(deaths map[uint64]uint8, list string) {
	for _, word := range strings.Fields(list) {
		id, count, _ := strings.Cut(word, ":")
		n, err := strconv.ParseUint(id, 16, 64)
		c, cerr := strconv.ParseUint(count, 10, 8)
		if err == nil && cerr == nil && c < 100 {
			deaths[n] = min(deaths[n]+uint8(c), 100)
		}
	}
}

// Watch records that payloads are about to be sent. It is lane.Settings.Watch.
func (s *Store) Watch(payloads []*lane.Payload) (done func(), err error) {
	var list strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&list, "%x:1 ", attemptID(p.StoreID))
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	s.attempts.next++
	key := attemptKeyPrefix + strconv.Itoa(s.attempts.next)
	s.attempts.mu.Lock()
	ops := s.attempts.ended
	s.attempts.ended = nil
	s.attempts.mu.Unlock()
	err = s.index.apply(context.Background(), append(ops, storage.SetOperation(key, []byte(list.String()))))
	if err != nil {
		s.attemptEnded(ops...)
		return nil, err
	}
	return func() { s.attemptEnded(storage.DeleteOperation(key)) }, nil
}

func (s *Store) attemptEnded(ops ...*storage.Operation) {
	s.attempts.mu.Lock()
	defer s.attempts.mu.Unlock()
	s.attempts.ended = append(s.attempts.ended, ops...)
}

// flushAttempts records which attempts have ended.
func (s *Store) flushAttempts(ctx context.Context) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	s.attempts.mu.Lock()
	ops := s.attempts.ended
	s.attempts.ended = nil
	s.attempts.mu.Unlock()
	if len(ops) == 0 {
		return nil
	}
	err := s.index.apply(ctx, ops)
	if err != nil {
		s.attemptEnded(ops...)
	}
	return err
}
