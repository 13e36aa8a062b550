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
		assert.LessOrEqual(t, len(client.data), 4+len(text)/pieceSize, "no piece stays behind")
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
