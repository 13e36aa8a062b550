// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

func withPart(text string) *Checkpoint {
	c := &Checkpoint{Version: Version}
	c.State.Container.Parts[1] = decode.Part{Text: []byte(text), File: 7, Offset: 9}
	return c
}

// A text that grows is stored in pieces, each of which is written once.
func TestStore_TextsGrow(t *testing.T) {
	client := newMemoryClient()
	s := NewStore(client)
	text, written := "", 0
	for range 100 {
		text += strings.Repeat("0123456789", 1000)
		e, err := s.Encode("/a", withPart(text))
		require.NoError(t, err)
		written += e.Size()
		_, err = s.Write(t.Context(), []*Encoded{e}, Index{Paths: []string{"/a"}})
		require.NoError(t, err)
		c, err := NewStore(client).Load(t.Context(), "/a")
		require.NoError(t, err)
		require.Equal(t, withPart(text), c)
	}
	assert.Less(t, written, len(text)+100*2*pieceSize)

	// Another text with the same place, a shorter one, and none.
	for _, text := range []string{strings.Repeat("other", 10_000), strings.Repeat("other", 5000), strings.Repeat("x", 4*pieceSize), "short", ""} {
		require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": withPart(text)}, Index{Paths: []string{"/a"}}))
		c, err := NewStore(client).Load(t.Context(), "/a")
		require.NoError(t, err)
		require.Equal(t, text, string(c.State.Container.Parts[1].Text))
		want := 4
		if n := (len(text) - 1) / pieceSize; n > 0 {
			want += n + 1 // and their number
		}
		assert.Len(t, client.data, want, "no piece stays behind")
	}
}

func TestStore_DeletesTextsWithTheirCheckpoint(t *testing.T) {
	client := newMemoryClient()
	s := NewStore(client)
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": withPart(strings.Repeat("x", 100_000))}, Index{Paths: []string{"/a"}}))
	s = NewStore(client) // another process
	c, err := s.Load(t.Context(), "/a")
	require.NoError(t, err)
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": c.WithoutContent()}, Index{Paths: []string{"/a"}}))
	assert.Len(t, client.data, 4)
	require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": nil}, Index{}))
	assert.Len(t, client.data, 3)
}

func TestStore_ReportsDamagedTexts(t *testing.T) {
	for name, damage := range map[string]func(map[string][]byte, string){
		"missing": func(data map[string][]byte, key string) { delete(data, key) },
		"short":   func(data map[string][]byte, key string) { data[key] = data[key][1:] },
		"changed": func(data map[string][]byte, key string) { data[key] = bytes.ToUpper(data[key]) },
	} {
		t.Run(name, func(t *testing.T) {
			client := newMemoryClient()
			require.NoError(t, NewStore(client).Save(t.Context(), map[string]*Checkpoint{"/a": withPart(strings.Repeat("x", 100_000))}, Index{Paths: []string{"/a"}}))
			var keys []string
			for key := range client.data {
				if strings.HasPrefix(key, "text:") {
					keys = append(keys, key)
				}
			}
			require.Len(t, keys, 24)
			damage(client.data, keys[0])
			s := NewStore(client)
			c, err := s.Load(t.Context(), "/a")
			require.ErrorContains(t, err, "damaged")
			assert.Nil(t, c)
			require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": {Version: Version}}, Index{Paths: []string{"/a"}}))
			assert.Len(t, client.data, 4, "its pieces are deleted")
		})
	}
}

// The index is written when it has changed.
func TestStore_WritesAnUnchangedIndexOnce(t *testing.T) {
	s := NewStore(newMemoryClient())
	index := Index{Paths: []string{"/a"}}
	first, err := s.Write(t.Context(), nil, index)
	require.NoError(t, err)
	assert.Positive(t, first)
	again, err := s.Write(t.Context(), nil, index)
	require.NoError(t, err)
	assert.Zero(t, again)
}

// Whatever is damaged, nothing of a checkpoint stays in the storage once another one replaces it or it
// is deleted.
func TestStore_DeletesTextsOfDamagedCheckpoints(t *testing.T) {
	edit := func(old, by string) func(*testing.T, map[string][]byte) {
		return func(t *testing.T, data map[string][]byte) {
			require.Contains(t, string(data[pathKey("/a")]), old)
			data[pathKey("/a")] = bytes.ReplaceAll(data[pathKey("/a")], []byte(old), []byte(by))
		}
	}
	for name, damage := range map[string]func(*testing.T, map[string][]byte){
		"JSON":         edit(`"version":`, `"version`),
		"version":      edit(`"version":2`, `"version":3`),
		"no version":   edit(`"version":2`, `"x":2`),
		"position":     edit(`"count":0`, `"count":0,"files":[{"name":"x","offset":-1}]`),
		"pieces":       edit(`"pieces":24`, `"pieces":-1`),
		"fewer pieces": edit(`"pieces":24`, `"pieces":3`),
		"too many":     edit(`"pieces":24`, `"pieces":16385`),
		"another text": edit(`"texts":{"`, `"texts":{"x`),
		"sum":          edit(`"sum":`, `"sum":1`),
		"no number": func(_ *testing.T, data map[string][]byte) {
			delete(data, countsKey("/a"))
			delete(data, pieceKey("/a", "", 0))
		},
		"damaged number": func(_ *testing.T, data map[string][]byte) { data[countsKey("/a")] = []byte("{") },
	} {
		t.Run(name, func(t *testing.T) {
			for replacement, left := range map[*Checkpoint]int{nil: 3, {Version: Version}: 4, withPart(strings.Repeat("y", 20_000)): 9} {
				client := newMemoryClient()
				require.NoError(t, NewStore(client).Save(t.Context(), map[string]*Checkpoint{"/a": withPart(strings.Repeat("x", 100_000))}, Index{Paths: []string{"/a"}}))
				require.Len(t, client.data, 3+1+24+1)
				damage(t, client.data)
				s := NewStore(client)
				_, err := s.Load(t.Context(), "/a")
				if !strings.Contains(name, "number") {
					require.ErrorContains(t, err, "checkpoint of /a: ")
				}
				require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": replacement}, Index{}))
				assert.Len(t, client.data, left)
				c, err := NewStore(client).Load(t.Context(), "/a")
				require.NoError(t, err)
				assert.Equal(t, replacement, c)
			}
		})
	}
}

// Numbers of pieces that no store has written are not used: each one would be a key to delete.
func TestStore_ReportsDamagedCounts(t *testing.T) {
	for stored, want := range map[string]string{
		`{"a":-1}`:    "has -1 pieces",
		`{"a":16385}`: "has 16385 pieces",
		`{"a":16384,"b":16384,"c":16384,"d":16384,"e":1}`: "more than 65536 pieces",
		`[]`: "cannot unmarshal array",
	} {
		client := newMemoryClient()
		client.data[pathKey("/a")], client.data[countsKey("/a")] = []byte(`{`), []byte(stored)
		s := NewStore(client)
		c, err := s.Load(t.Context(), "/a")
		require.ErrorContains(t, err, "checkpoint of /a: unexpected end of JSON input; ", stored)
		require.ErrorContains(t, err, want, stored)
		assert.Nil(t, c)
		assert.Empty(t, s.known("/a"))
		require.NoError(t, s.Save(t.Context(), map[string]*Checkpoint{"/a": nil}, Index{}))
		assert.Len(t, client.data, 3)
	}
}
