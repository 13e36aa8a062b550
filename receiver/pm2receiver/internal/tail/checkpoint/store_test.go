// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

var errDisk = errors.New("disk error")

// memoryClient is a storage client that fails with fault, if that is set.
type memoryClient struct {
	data    map[string][]byte
	batches int
	fault   error
	closed  bool
}

func newMemoryClient() *memoryClient { return &memoryClient{data: map[string][]byte{}} }

func (m *memoryClient) Get(_ context.Context, key string) ([]byte, error) {
	if m.fault != nil {
		return nil, m.fault
	}
	return m.data[key], nil
}

func (m *memoryClient) Set(ctx context.Context, key string, value []byte) error {
	return m.Batch(ctx, storage.SetOperation(key, value))
}

func (m *memoryClient) Delete(ctx context.Context, key string) error {
	return m.Batch(ctx, storage.DeleteOperation(key))
}

func (m *memoryClient) Batch(_ context.Context, ops ...*storage.Operation) error {
	if m.fault != nil {
		return m.fault
	}
	m.batches++
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = m.data[op.Key]
		case storage.Set:
			m.data[op.Key] = op.Value
		case storage.Delete:
			delete(m.data, op.Key)
		}
	}
	return nil
}

func (m *memoryClient) Close(context.Context) error {
	m.closed = true
	return m.fault
}

// Save writes the checkpoints in changed, deletes those that are nil in it, and replaces the
// index, in one transaction.
func (s *Store) Save(ctx context.Context, changed map[string]*Checkpoint, index Index) error {
	var all []*Encoded
	for path, c := range changed {
		e, err := s.Encode(path, c)
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	_, err := s.Write(ctx, all, index)
	return err
}

func TestStore_EmptyStore(t *testing.T) {
	s := NewStore(newMemoryClient())
	paths, used, err := s.Paths(t.Context())
	require.NoError(t, err)
	assert.Empty(t, paths)
	assert.False(t, used, "this distinguishes a first run from one without files")
	c, err := s.Load(t.Context(), "/logs/a.log")
	require.NoError(t, err)
	assert.Nil(t, c)
	contents, err := s.Contents(t.Context())
	require.NoError(t, err)
	assert.Zero(t, contents)
	since, err := s.Since(t.Context())
	require.NoError(t, err)
	assert.True(t, since.IsZero())
}

func TestStore_SavesAndLoads(t *testing.T) {
	client := newMemoryClient()
	s := NewStore(client)
	first := time.Date(2026, 11, 21, 2, 8, 43, 123456789, time.UTC)
	c := example()
	index := Index{Paths: []string{"/logs/a.log", "/logs/b \x00\n\".log"}, Contents: math.MaxUint64, Since: first}
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{index.Paths[0]: c, index.Paths[1]: {Version: Version}}, index))
	assert.Equal(t, 1, client.batches, "checkpoints and index change in one transaction")

	paths, used, err := s.Paths(t.Context())
	require.NoError(t, err)
	assert.True(t, used)
	assert.Equal(t, index.Paths, paths)
	got, err := s.Load(t.Context(), index.Paths[0])
	require.NoError(t, err)
	assert.Equal(t, c, got)
	got, err = s.Load(t.Context(), index.Paths[1])
	require.NoError(t, err)
	assert.Equal(t, &Checkpoint{Version: Version}, got)
	contents, err := s.Contents(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(math.MaxUint64), contents)
	since, err := s.Since(t.Context())
	require.NoError(t, err)
	assert.True(t, first.Equal(since), since)
}

func TestStore_DeletesAndKeeps(t *testing.T) {
	client := newMemoryClient()
	s := NewStore(client)
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": example(), "/b": example()}, Index{Paths: []string{"/a", "/b"}}))
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": nil}, Index{Paths: []string{"/b"}, Contents: 9}))
	c, err := s.Load(t.Context(), "/a")
	require.NoError(t, err)
	assert.Nil(t, c)
	c, err = s.Load(t.Context(), "/b")
	require.NoError(t, err)
	assert.Equal(t, example(), c, "a checkpoint that has not changed is not written again, and stays")
	assert.ElementsMatch(t, []string{indexKey, countKey, sinceKey, pathKey("/b")}, slices.Collect(maps.Keys(client.data)))

	// A store of which everything was deleted was used nevertheless.
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/b": nil}, Index{}))
	paths, used, err := s.Paths(t.Context())
	require.NoError(t, err)
	assert.True(t, used)
	assert.Empty(t, paths)
}

// A path cannot name the entries of the index.
func TestStore_PathsDoNotCollideWithTheIndex(t *testing.T) {
	client := newMemoryClient()
	s := NewStore(client)
	changed := map[string]*Checkpoint{}
	names := []string{indexKey, countKey, sinceKey, pathKey(indexKey), ""}
	for _, name := range names {
		changed[name] = example()
	}
	require.NoError(t, s.Save(t.Context(), changed, Index{Paths: names, Contents: 3}))
	paths, _, err := s.Paths(t.Context())
	require.NoError(t, err)
	assert.Equal(t, names, paths)
	for _, name := range names {
		c, err := s.Load(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, example(), c, name)
	}
}

func TestStore_ReportsDamage(t *testing.T) {
	valid, err := json.Marshal(example())
	require.NoError(t, err)
	for stored, want := range map[string]string{
		``:                         "unexpected end of JSON input",
		string(valid[:40]):         "unexpected end of JSON input",
		`null`:                     "has version 0, want 1",
		`{}`:                       "has version 0, want 1",
		`{"version":3}`:            "has version 3, want 1",
		`[]`:                       "cannot unmarshal array",
		"\x00\x00":                 "invalid character",
		`{"version":"1"}`:          "cannot unmarshal string",
		`{"version":1,"count":-1}`: "cannot unmarshal number",
		`{"version":1,"files":[{"name":"x","offset":-1}]}`:                                  `position in "x": offset -1 is negative`,
		`{"version":1,"past":[{"name":"y","offset":-9223372036854775808}]}`:                 `position in "y": offset -9223372036854775808 is negative`,
		`{"version":1,"files":[{"name":"x","offset":1,"head":"YWJj"}]}`:                     `position in "x": 3 bytes at the beginning`,
		`{"version":1,"files":[{"name":"x","offset":9,"samples":[{"offset":10,"sum":1}]}]}`: `position in "x": sample at offset 10`,
		`{"version":1,"files":[{"name":"x","offset":1e99}]}`:                                "cannot unmarshal number",
	} {
		client := newMemoryClient()
		client.data[pathKey("/logs/a.log")] = []byte(stored)
		c, err := NewStore(client).Load(t.Context(), "/logs/a.log")
		require.ErrorContains(t, err, want, stored)
		require.ErrorContains(t, err, "checkpoint of /logs/a.log", stored)
		assert.Nil(t, c, stored)
	}
	client := newMemoryClient()
	s := NewStore(client)
	for _, stored := range []string{``, `{`, `{"a":1}`, `[1]`} {
		client.data[indexKey] = []byte(stored)
		_, used, err := s.Paths(t.Context())
		require.ErrorContains(t, err, "list of checkpoints", stored)
		assert.True(t, used, "a damaged store is not a new one: files would be read from their end")
	}
	for _, stored := range []string{``, `-1`, `1.5`, `18446744073709551616`, `nine`} {
		client.data[countKey], client.data[sinceKey] = []byte(stored), []byte(stored)
		_, err := s.Contents(t.Context())
		require.ErrorContains(t, err, "number of contents", stored)
		if stored != `-1` {
			_, err = s.Since(t.Context())
			require.ErrorContains(t, err, "time of the first start", stored)
		}
	}
}

func TestStore_ReturnsErrorsOfTheClient(t *testing.T) {
	client := newMemoryClient()
	s := NewStore(client)
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": example()}, Index{Paths: []string{"/a"}}))
	before := maps.Clone(client.data)
	client.fault = errDisk
	_, used, err := s.Paths(t.Context())
	require.ErrorIs(t, err, errDisk)
	assert.False(t, used)
	c, err := s.Load(t.Context(), "/a")
	require.ErrorIs(t, err, errDisk)
	assert.Nil(t, c)
	_, err = s.Contents(t.Context())
	require.ErrorIs(t, err, errDisk)
	_, err = s.Since(t.Context())
	require.ErrorIs(t, err, errDisk)
	require.ErrorIs(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": nil}, Index{}), errDisk)
	require.ErrorIs(t, s.Close(t.Context()), errDisk)
	assert.True(t, client.closed)
	assert.Equal(t, before, client.data)
}

// FuzzLoad loads arbitrary bytes: what is accepted can be used, saved and loaded again.
func FuzzLoad(f *testing.F) {
	valid, err := json.Marshal(example())
	require.NoError(f, err)
	f.Add(valid)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"files":[{"offset":-5}],"past":[{"offset":600,"samples":[{"offset":1},{"offset":2}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		client := newMemoryClient()
		client.data[pathKey("/a")] = data
		s := NewStore(client)
		c, err := s.Load(t.Context(), "/a")
		if err != nil {
			require.Nil(t, c)
			return
		}
		for _, file := range slices.Concat(c.Files, c.Gone) {
			require.GreaterOrEqual(t, file.Window(), 0, fmt.Sprint(file))
		}
		require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": c, "/b": c.WithoutContent()}, Index{Paths: []string{"/a", "/b"}}))
		for _, path := range []string{"/a", "/b"} {
			again, err := s.Load(t.Context(), path)
			require.NoError(t, err)
			require.Equal(t, c.Contents, again.Contents)
			require.Len(t, again.Files, len(c.Files))
		}
	})
}
