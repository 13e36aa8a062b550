// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
)

// incompressible is what does not compress.
func incompressible(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	b[0] = 'x' // not the head of a compressed payload
	return string(b)
}

func taken(t *testing.T, dir string) (sum int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, path := range paths {
		sum += diskspace.Taken(path)
	}
	return sum
}

// drained makes a store whose file of tenant a was large and has little left.
func drained(t *testing.T, dir string) (s *Store, want []string) {
	t.Helper()
	set, _ := located(t, dir)
	s, _ = openLocated(t, set)
	var gone []*lane.Payload
	for i := range 20 {
		part := newPart("a", incompressible(200_000), "x", "y")
		small := newPart("a", fmt.Sprint("kept ", i), "x", "y")
		require.NoError(t, s.Put(t.Context(), []lane.Part{part, small}))
		gone = append(gone, part.Payload)
		s.Release([]*lane.Payload{small.Payload}, "x")
		want = append(want, fmt.Sprintf("a kept %d [y]", i))
	}
	s.Release(gone, "x")
	s.Release(gone, "y")
	return s, want
}

func TestCompact_FreesDrainedSpace(t *testing.T) {
	dir := t.TempDir()
	s, want := drained(t, dir)
	require.NoError(t, s.flush(t.Context()))
	before := taken(t, dir)
	require.Greater(t, before, int64(4_000_000))
	sh := s.shards[shardOf("a")]
	require.NoError(t, s.compact(t.Context(), sh))
	assert.Less(t, taken(t, dir), before/4)
	later := newPart("a", "later", "y")
	require.NoError(t, s.Put(t.Context(), []lane.Part{later}), "it goes on")
	data, err := s.Read(t.Context(), []*lane.Payload{later.Payload})
	require.NoError(t, err)
	assert.Equal(t, "later", string(data[0]))
	require.NoError(t, s.compact(t.Context(), sh), "back to the first name")
	assert.Equal(t, uint8(0), sh.generation)
	closeStore(t, s)

	set, logs := located(t, dir)
	s, left := openLocated(t, set)
	assert.Equal(t, append(want, "a later [y]"), held(t, s, left))
	assert.Zero(t, s.Faults())
	assert.Empty(t, logs.All())
	closeStore(t, s)
}

// Concurrent compactions neither lose data nor restore released data.
func TestCompact_WhileTheFileIsUsed(t *testing.T) {
	dir := t.TempDir()
	set, _ := located(t, dir)
	s, _ := openLocated(t, set)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var want []string
	for i := range 8 {
		wg.Go(func() {
			for j := range 40 {
				text := fmt.Sprintf("%d/%d", i, j)
				p := newPart("a", text, "x", "y")
				if !assert.NoError(t, s.Put(t.Context(), []lane.Part{p})) {
					return
				}
				data, err := s.Read(t.Context(), []*lane.Payload{p.Payload})
				assert.NoError(t, err)
				assert.Equal(t, text, string(data[0]))
				s.Release([]*lane.Payload{p.Payload}, "x")
				if j%2 == 0 {
					s.Release([]*lane.Payload{p.Payload}, "y")
					continue
				}
				mu.Lock()
				want = append(want, fmt.Sprintf("a %s [y]", text))
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for times := 0; ; times++ {
		require.NoError(t, s.compact(t.Context(), s.shards[shardOf("a")]))
		select {
		case <-done:
			t.Logf("%d compactions", times)
			closeStore(t, s)
			s, left := openLocated(t, set)
			assert.ElementsMatch(t, want, held(t, s, left))
			closeStore(t, s)
			return
		default:
		}
	}
}

// failAt is storage whose n-th use from some time on, and those after, fail.
type failAt struct {
	mu   sync.Mutex
	left int  // uses until then; negative: none fails
	once bool // it is that one alone which fails, and it is written nevertheless
	open opener
}

var errFull = errors.New("no space left on device")

func (f *failAt) use() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left < 0 {
		return nil
	}
	if f.left == 0 {
		if f.once {
			f.left = -1
		}
		return errFull
	}
	f.left--
	return nil
}

func (f *failAt) client(ctx context.Context, name string) (storage.Client, error) {
	if err := f.use(); err != nil {
		return nil, err
	}
	c, err := f.open(ctx, name)
	if err != nil {
		return nil, err
	}
	return failAtClient{c, f}, nil
}

type failAtClient struct {
	storage.Client
	f *failAt
}

func (c failAtClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	err := c.f.use()
	if err == nil || c.f.once {
		err = errors.Join(err, c.Client.Batch(ctx, ops...))
	}
	return err
}

func (c failAtClient) Walk(ctx context.Context, fn storage.WalkFunc) error {
	return c.Client.(storage.Walker).Walk(ctx, fn)
}

// The files are copied after each step that a compaction writes, as a kill leaves
// them, and after it failed there. Both have all that was accepted.
func TestCompact_MayEndAnywhere(t *testing.T) {
	steps := 0
	for n := 0; ; n++ {
		dir := t.TempDir()
		set, _ := located(t, dir)
		f := &failAt{left: -1, open: set.Open}
		set.Open = f.client
		s, _ := openLocated(t, set)
		var want []string
		for i := range 30 {
			require.NoError(t, s.Put(t.Context(), []lane.Part{newPart("a", fmt.Sprint(i), "x")}))
			want = append(want, fmt.Sprintf("a %d [x]", i))
		}
		f.mu.Lock()
		f.left = n
		f.mu.Unlock()
		err := s.compact(t.Context(), s.shards[shardOf("a")])
		killed := t.TempDir()
		require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
		f.mu.Lock()
		f.left = -1
		f.mu.Unlock()
		require.NoError(t, s.Put(t.Context(), []lane.Part{newPart("a", "later", "x")}), "step %d", n)
		closeStore(t, s)
		for d, all := range map[string][]string{killed: want, dir: append(want[:len(want):len(want)], "a later [x]")} {
			again, logs := located(t, d)
			s, left := openLocated(t, again)
			assert.Equal(t, all, held(t, s, left), "step %d", n)
			assert.Zero(t, s.Faults())
			assert.Empty(t, logs.All())
			require.NoError(t, s.compact(t.Context(), s.shards[shardOf("a")]))
			closeStore(t, s)
			files, err := filepath.Glob(filePath(d, "lanes_*"))
			require.NoError(t, err)
			assert.Len(t, files, numShards+1, "step %d: no file is left over", n)
		}
		if err == nil {
			break
		}
		steps++
	}
	assert.Greater(t, steps, 4)
}

// A write may report an error, as that of a sync, and be there nevertheless. What is
// accepted after a compaction that failed so is there at the next start.
func TestCompact_FailedWriteMayBeStored(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		set, _ := located(t, dir)
		f := &failAt{left: -1, once: true, open: set.Open}
		set.Open = f.client
		s, _ := openLocated(t, set)
		require.NoError(t, s.Put(t.Context(), []lane.Part{newPart("a", "before", "x")}))
		f.mu.Lock()
		f.left = n
		f.mu.Unlock()
		err := s.compact(t.Context(), s.shards[shardOf("a")])
		f.mu.Lock()
		reached := f.left < 0
		f.left = -1
		f.mu.Unlock()
		require.NoError(t, s.Put(t.Context(), []lane.Part{newPart("a", "later", "x")}), "step %d", n)
		killed := t.TempDir() // nothing is written at the end
		require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
		closeStore(t, s)
		again, logs := located(t, killed)
		s, left := openLocated(t, again)
		assert.Equal(t, []string{"a before [x]", "a later [x]"}, held(t, s, left), "step %d", n)
		assert.Empty(t, logs.All(), "step %d", n)
		closeStore(t, s)
		if !reached {
			require.NoError(t, err)
			assert.Greater(t, n, 4)
			return
		}
	}
}

// A file is compacted when that is of use, and not over and over.
func TestTend(t *testing.T) {
	dir := t.TempDir()
	s, _ := drained(t, dir)
	require.NoError(t, s.flush(t.Context()))
	var all [numShards]tending
	now := time.Now()
	s.tend(t.Context(), &all, now)
	s.tend(t.Context(), &all, now.Add(time.Hour))
	assert.Zero(t, s.Compactions(), "4 MB are little on a disk with room")
	closeStore(t, s)
	set, _ := located(t, dir)
	set.MaxBytes = 6 << 20
	s, _ = openLocated(t, set)
	s.tend(t.Context(), &all, now.Add(2*time.Hour))
	s.tend(t.Context(), &all, now.Add(2*time.Hour+urgentCompactAfter))
	assert.EqualValues(t, 1, s.Compactions(), "they are much of what max_total_bytes allows")
	s.tend(t.Context(), &all, now.Add(4*time.Hour))
	s.tend(t.Context(), &all, now.Add(5*time.Hour))
	assert.EqualValues(t, 1, s.Compactions())
	closeStore(t, s)
}
