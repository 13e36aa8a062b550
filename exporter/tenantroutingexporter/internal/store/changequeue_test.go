// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func sizes(group []*change) []int {
	var out []int
	for _, c := range group {
		out = append(out, c.bytes)
	}
	return out
}

func TestChangeQueue_TenantsAreServedRoundRobin(t *testing.T) {
	const half = turnBytes / 2
	l := newChangeQueue()
	assert.True(t, l.empty())
	for i := range 5 {
		l.add("floods", &change{bytes: half + i})
	}
	l.add("small", &change{bytes: 1})
	l.add("small", &change{bytes: 2})
	assert.Equal(t, half, l.first().bytes)
	// Two of the flood would be a byte more than a turn.
	assert.Equal(t, []int{half, 1, 2}, sizes(l.take()))
	l.add("small", &change{bytes: 3})
	assert.Equal(t, []int{half + 1, 3}, sizes(l.take()))
	for i := 2; i < 5; i++ {
		assert.Equal(t, half+i, l.first().bytes, "who leads is in the next group")
		assert.Equal(t, []int{half + i}, sizes(l.take()))
	}
	assert.True(t, l.empty())
	assert.Empty(t, l.waiting)
}

func TestChangeQueue_AChangeLargerThanATurnPassesAlone(t *testing.T) {
	l := newChangeQueue()
	l.add("a", &change{bytes: 2 * groupBytes})
	l.add("a", &change{bytes: 1})
	l.add("b", &change{bytes: 2})
	assert.Equal(t, []int{2 * groupBytes}, sizes(l.take()), "it fills the group")
	assert.Equal(t, []int{2, 1}, sizes(l.take()), "the other tenant was not served yet")
	assert.True(t, l.empty())
}

func TestChangeQueue_AGroupIsBoundedAndEveryTenantIsServed(t *testing.T) {
	l := newChangeQueue()
	const tenants, each = 40, 3
	for n := range each {
		for i := range tenants {
			l.add(tenant.ID(fmt.Sprint(i)), &change{bytes: turnBytes - n})
		}
	}
	var order []int
	for groups := 0; !l.empty(); groups++ {
		total := 0
		for _, c := range l.take() {
			total += c.bytes
			order = append(order, turnBytes-c.bytes)
		}
		require.LessOrEqual(t, total, groupBytes+turnBytes)
	}
	require.Len(t, order, tenants*each)
	for i, n := range order {
		assert.Equal(t, i/tenants, n, "all have their first turn before anybody has a second")
	}
}

// gated is a client whose transactions wait, and that records what they write.
type gated struct {
	storage.Client
	mu     sync.Mutex
	groups [][]string // keys by transaction
	begun  chan struct{}
	goOn   chan struct{}
	obeys  bool // rejects when the context has ended, as storage over a network does
}

func (g *gated) Batch(ctx context.Context, ops ...*storage.Operation) error {
	var keys []string
	for _, op := range ops {
		keys = append(keys, op.Key)
	}
	g.mu.Lock()
	g.groups = append(g.groups, keys)
	g.mu.Unlock()
	select {
	case g.begun <- struct{}{}:
	default:
	}
	<-g.goOn
	if g.obeys && ctx.Err() != nil {
		return ctx.Err()
	}
	return g.Client.Batch(ctx, ops...)
}

// The first transaction after an innocent tenant came has its payload, however
// much another of the same file had waiting before.
func TestShard_FloodDoesNotDelayOthers(t *testing.T) {
	var g *gated
	inner := clients(t, t.TempDir(), 0)
	s, _ := open(t, inner)
	sh := s.shards[shardOf("a")]
	g = &gated{Client: sh.file.client, begun: make(chan struct{}, 1), goOn: make(chan struct{})}
	sh.file.client = g
	put := func(id tenant.ID, seq uint64, size int) {
		r := &record{tenant: id, size: size}
		assert.NoError(t, sh.apply(context.Background(), id, size, []*storage.Operation{storage.SetOperation(key(payloadPrefix, seq), r.pack(make([]byte, size)))}))
	}
	var calls sync.WaitGroup
	calls.Go(func() { put("floods", 0, 100) })
	<-g.begun // one transaction is being written
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			sh.mu.Lock()
			defer sh.mu.Unlock()
			total := 0
			for _, q := range sh.queue.waiting {
				total += len(q.changes)
			}
			return total == n
		}, 10*time.Second, time.Millisecond)
	}
	const flood = 40
	for i := range flood {
		calls.Go(func() { put("floods", uint64(1+i), turnBytes/2) })
	}
	waiting(flood)
	calls.Go(func() { put("innocent", 1000, 100) })
	waiting(flood + 1)
	close(g.goOn)
	calls.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	require.Greater(t, len(g.groups), flood/2)
	assert.Contains(t, g.groups[1], key(payloadPrefix, 1000))
	assert.Len(t, g.groups[1], 3, "and two of the flood's, which are a turn")
	sh.file.client = g.Client
	closeStore(t, s)
}

// A caller who gives up while it writes for others too takes nobody else along.
func TestShard_CanceledCallerDoesNotAffectOthers(t *testing.T) {
	s, _ := open(t, clients(t, t.TempDir(), 0))
	sh := s.shards[shardOf("a")]
	g := &gated{Client: sh.file.client, begun: make(chan struct{}, 1), goOn: make(chan struct{}), obeys: true}
	sh.file.client = g
	var calls sync.WaitGroup
	put := func(ctx context.Context, seq uint64) {
		calls.Go(func() {
			assert.NoError(t, sh.apply(ctx, "a", 1, []*storage.Operation{storage.SetOperation(key(payloadPrefix, seq), []byte("x"))}))
		})
	}
	put(context.Background(), 0)
	<-g.begun // one transaction is being written
	ctx, cancel := context.WithCancel(context.Background())
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			sh.mu.Lock()
			defer sh.mu.Unlock()
			return !sh.queue.empty() && len(sh.queue.waiting["a"].changes) == n
		}, 10*time.Second, time.Millisecond)
	}
	put(ctx, 1) // writes the next one
	waiting(1)
	put(context.Background(), 2)
	waiting(2)
	cancel()
	close(g.goOn)
	calls.Wait()
	sh.file.client = g.Client
	closeStore(t, s)
}

// Noting deliveries is spread over transactions too.
func TestShard_NotesAreBounded(t *testing.T) {
	s, _ := open(t, clients(t, t.TempDir(), 0))
	sh := s.shards[shardOf("a")]
	const n = maxNotes
	parts := make([]lane.Part, n)
	for i := range parts {
		parts[i] = newPart("a", "x", "d")
	}
	var calls sync.WaitGroup
	for chunk := range 8 {
		calls.Go(func() { assert.NoError(t, s.Put(context.Background(), parts[chunk*n/8:(chunk+1)*n/8])) })
	}
	calls.Wait()
	g := &gated{Client: sh.file.client, goOn: make(chan struct{})}
	close(g.goOn)
	sh.mu.Lock()
	sh.file.client = g
	sh.mu.Unlock()
	var payloads []*lane.Payload
	for _, p := range parts {
		payloads = append(payloads, p.Payload)
	}
	s.Release(payloads, "d")
	require.NoError(t, s.flush(context.Background()))
	sh.mu.Lock()
	assert.Empty(t, sh.released)
	assert.Empty(t, sh.held)
	sh.mu.Unlock()
	g.mu.Lock()
	total := 0
	for _, keys := range g.groups {
		assert.LessOrEqual(t, len(keys), maxNotes)
		total += len(keys)
	}
	g.mu.Unlock()
	assert.Equal(t, 2*n, total, "a record and a payload each")
	closeStore(t, s)
}
