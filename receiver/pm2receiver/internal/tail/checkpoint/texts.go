// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

const (
	// pieceSize is how much of a partial line is stored under a key of its own. A line that
	// grows is not written again, but for what is behind its last whole piece.
	pieceSize = 4 << 10
	// maxPieces bounds the pieces of a line in a checkpoint that may be damaged, and maxAllPieces those
	// of all its lines.
	maxPieces    = 1 << 14
	maxAllPieces = 1 << 16
)

// Text is the part of a partial line that is stored in pieces.
type Text struct {
	Pieces int    `json:"pieces"`
	Sum    uint64 `json:"sum"`
}

func (t Text) size() int { return t.Pieces * pieceSize }

func pieceKey(path, id string, n int) string { return fmt.Sprintf("text:%s:%s:%d", path, id, n) }

// countsKey is the key of how many pieces each text of a path has. Without it nothing would know the
// pieces of a checkpoint that is damaged.
func countsKey(path string) string { return "texts:" + path }

// pieces are the operations that store the texts of a checkpoint.
type pieces struct {
	path   string
	before map[string]Text // what is stored
	after  map[string]Text // what is stored after ops
	ops    []*storage.Operation
	size   int // of what ops write
}

// put stores the whole pieces of a text that are not stored yet, and returns the rest of it.
func (p *pieces) put(id string, text []byte) []byte {
	n := min((len(text)-1)/pieceSize, maxPieces) // the rest is never empty: it holds the place of the text
	if n <= 0 {
		return text
	}
	first := 0
	if known := p.before[id]; known.Pieces <= n && xxhash.Sum64(text[:known.size()]) == known.Sum {
		first = known.Pieces
	}
	for i := first; i < n; i++ {
		p.ops = append(p.ops, storage.SetOperation(pieceKey(p.path, id, i), text[i*pieceSize:(i+1)*pieceSize]))
		p.size += pieceSize
	}
	p.after[id] = Text{n, xxhash.Sum64(text[:n*pieceSize])}
	return text[n*pieceSize:]
}

// removeRest deletes the pieces that are not needed any more.
func (p *pieces) removeRest() {
	for id, known := range p.before {
		for i := p.after[id].Pieces; i < known.Pieces; i++ {
			p.ops = append(p.ops, storage.DeleteOperation(pieceKey(p.path, id, i)))
		}
	}
}

// putCounts stores how many pieces each text has, if that changes. deleted is set if the checkpoint is
// deleted.
func (p *pieces) putCounts(deleted bool) error {
	before, after := counts(p.before), counts(p.after)
	switch {
	case len(after) == 0 && (len(before) > 0 || deleted):
		p.ops = append(p.ops, storage.DeleteOperation(countsKey(p.path)))
	case !maps.Equal(before, after):
		data, err := json.Marshal(after)
		if err != nil {
			return err
		}
		p.ops = append(p.ops, storage.SetOperation(countsKey(p.path), data))
		p.size += len(data)
	}
	return nil
}

// counts returns how many pieces each text has.
func counts(texts map[string]Text) map[string]int {
	n := make(map[string]int, len(texts))
	for id, t := range texts {
		n[id] = t.Pieces
	}
	return n
}

// storedTexts returns how many pieces each text of a path has, without sums: the pieces may be damaged
// and are not used again.
func (s *Store) storedTexts(ctx context.Context, path string) (map[string]Text, error) {
	data, err := s.client.Get(ctx, countsKey(path))
	if err != nil || data == nil {
		return nil, err
	}
	var stored map[string]int
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, err
	}
	texts := make(map[string]Text, len(stored))
	for id, n := range stored {
		texts[id] = Text{Pieces: n}
	}
	return texts, checkTexts(texts)
}

// loadTexts puts the pieces of texts back into a state.
func (s *Store) loadTexts(ctx context.Context, path string, state decode.State, texts map[string]Text) (decode.State, error) {
	if len(texts) == 0 {
		return state, nil
	}
	left := maps.Clone(texts)
	var problem error
	state = state.MapTexts(func(id string, rest []byte) []byte {
		known, has := left[id]
		if !has || problem != nil {
			return rest
		}
		delete(left, id)
		var text []byte
		if text, problem = s.loadText(ctx, path, id, known); problem != nil {
			return rest
		}
		return append(text, rest...)
	})
	if problem == nil && len(left) > 0 {
		problem = fmt.Errorf("%d partial lines are missing", len(left))
	}
	return state, problem
}

func (s *Store) loadText(ctx context.Context, path, id string, t Text) ([]byte, error) {
	ops := make([]*storage.Operation, t.Pieces)
	for i := range ops {
		ops[i] = storage.GetOperation(pieceKey(path, id, i))
	}
	if err := s.client.Batch(ctx, ops...); err != nil {
		return nil, err
	}
	text := make([]byte, 0, t.size()+pieceSize)
	for _, op := range ops {
		text = append(text, op.Value...)
	}
	if len(text) != t.size() || xxhash.Sum64(text) != t.Sum {
		return nil, fmt.Errorf("partial line %q is damaged", id)
	}
	return text, nil
}

// checkTexts returns an error for texts that no store has written.
func checkTexts(texts map[string]Text) error {
	all := 0
	for id, t := range texts {
		if t.Pieces <= 0 || t.Pieces > maxPieces {
			return fmt.Errorf("partial line %q has %d pieces", id, t.Pieces)
		}
		if all += t.Pieces; all > maxAllPieces {
			return fmt.Errorf("partial lines have more than %d pieces", maxAllPieces)
		}
	}
	return nil
}
