// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

const (
	indexKey = "streams"
	countKey = "count"
	sinceKey = "since"
)

// Store keeps checkpoints in a storage extension, one for each path. It is as safe for
// concurrent use as the storage client, but for [Encoded], which belong to one goroutine.
type Store struct {
	client storage.Client

	mu    sync.Mutex
	texts map[string]map[string]Text // what is stored of the checkpoints that have texts
	index map[string]string          // what was written last
}

// NewStore returns a store on client. Closing the store closes the client.
func NewStore(client storage.Client) *Store {
	return &Store{client: client, texts: map[string]map[string]Text{}, index: map[string]string{}}
}

// known returns what is stored of the texts of a path.
func (s *Store) known(path string) map[string]Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts[path]
}

func (s *Store) setKnown(path string, texts map[string]Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(texts) == 0 {
		delete(s.texts, path)
	} else {
		s.texts[path] = texts
	}
}

func pathKey(path string) string { return "stream:" + path }

// Paths returns the paths that have a checkpoint. It reports false if nothing was ever saved
// in the store.
func (s *Store) Paths(ctx context.Context) (paths []string, used bool, err error) {
	data, err := s.client.Get(ctx, indexKey)
	if err != nil || data == nil {
		return nil, false, err
	}
	if err := json.Unmarshal(data, &paths); err != nil {
		return nil, true, fmt.Errorf("list of checkpoints: %w", err)
	}
	return paths, true, nil
}

// Load returns the checkpoint of a path, or nil if it has none. An error that is not one of
// the storage client means that the checkpoint is damaged.
func (s *Store) Load(ctx context.Context, path string) (*Checkpoint, error) {
	data, err := s.client.Get(ctx, pathKey(path))
	if err != nil || data == nil {
		return nil, err
	}
	c, texts, err := s.decode(ctx, path, data)
	if err != nil {
		// The pieces of a damaged checkpoint are deleted when another one replaces it.
		stored, storedErr := s.storedTexts(ctx, path)
		if storedErr != nil {
			err = fmt.Errorf("%w; what is stored of partial lines is unknown: %w", err, storedErr)
		} else if len(stored) > 0 {
			texts = stored
		}
	}
	s.setKnown(path, texts)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", path, err)
	}
	return c, nil
}

// decode decodes the checkpoint of a path. It returns what is stored of its texts, also with an error
// if that is known.
func (s *Store) decode(ctx context.Context, path string, data []byte) (*Checkpoint, map[string]Text, error) {
	var c Checkpoint
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, nil, err
	}
	if c.Version != Version && c.Version != textsVersion {
		return nil, nil, fmt.Errorf("it has version %d, want %d", c.Version, Version)
	}
	if err := checkTexts(c.Texts); err != nil {
		return nil, nil, err
	}
	texts := c.Texts
	if err := c.validate(); err != nil {
		return nil, texts, err
	}
	var err error
	if c.State, err = s.loadTexts(ctx, path, c.State, texts); err != nil {
		return nil, texts, err
	}
	c.Version, c.Texts = Version, nil
	return &c, texts, nil
}

// Contents returns the highest [Checkpoint.Contents] of all checkpoints that were deleted.
func (s *Store) Contents(ctx context.Context) (uint64, error) {
	data, err := s.client.Get(ctx, countKey)
	if err != nil || data == nil {
		return 0, err
	}
	count, err := strconv.ParseUint(string(data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("number of contents: %w", err)
	}
	return count, nil
}

// Since returns when the store was first used, or zero if that is unknown.
func (s *Store) Since(ctx context.Context) (time.Time, error) {
	data, err := s.client.Get(ctx, sinceKey)
	if err != nil || data == nil {
		return time.Time{}, err
	}
	nanos, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("time of the first start: %w", err)
	}
	return time.Unix(0, nanos), nil
}

// Index is what a store keeps besides the single checkpoints.
type Index struct {
	// Paths are all paths that have a checkpoint.
	Paths []string
	// Contents is the highest [Checkpoint.Contents] of all checkpoints that were deleted.
	Contents uint64
	// Since is when the store was first used.
	Since time.Time
}

// Encoded is a checkpoint as it is written.
type Encoded struct {
	data []byte // nil: it is deleted
	pieces
}

// Encode encodes the checkpoint of a path, or its deletion if c is nil. Nothing else of the path may
// be saved until the result is written or dropped.
func (s *Store) Encode(path string, c *Checkpoint) (*Encoded, error) {
	e := &Encoded{pieces: pieces{path: path, before: s.known(path), after: map[string]Text{}}}
	if c != nil {
		b := *c
		b.State, b.Texts = c.State.MapTexts(e.put), e.after
		if len(b.Texts) > 0 {
			b.Version = textsVersion
		}
		var err error
		if e.data, err = json.Marshal(&b); err != nil {
			return nil, err
		}
	}
	e.removeRest()
	if err := e.putCounts(c == nil); err != nil {
		return nil, err
	}
	return e, nil
}

// Path returns the path of the log.
func (e *Encoded) Path() string { return e.path }

// Size returns how many bytes are written.
func (e *Encoded) Size() int { return len(e.data) + e.size }

// StateSize returns how many bytes are written again for each change.
func (e *Encoded) StateSize() int { return len(e.data) }

// Write writes encoded checkpoints and, if it has changed, the index, in one transaction. It returns
// how many bytes the index has if it was written.
func (s *Store) Write(ctx context.Context, all []*Encoded, index Index) (size int, err error) {
	paths, err := json.Marshal(index.Paths)
	if err != nil {
		return 0, err
	}
	var ops []*storage.Operation
	entries := map[string]string{
		indexKey: string(paths),
		countKey: strconv.FormatUint(index.Contents, 10),
		sinceKey: strconv.FormatInt(index.Since.UnixNano(), 10),
	}
	s.mu.Lock()
	for key, value := range entries {
		if last, has := s.index[key]; !has || last != value {
			ops = append(ops, storage.SetOperation(key, []byte(value)))
			size += len(value)
		}
	}
	s.mu.Unlock()
	for _, e := range all {
		if e.data == nil {
			ops = append(ops, storage.DeleteOperation(pathKey(e.path)))
		} else {
			ops = append(ops, storage.SetOperation(pathKey(e.path), e.data))
		}
		ops = append(ops, e.ops...)
	}
	if err := s.client.Batch(ctx, ops...); err != nil {
		return 0, err
	}
	s.mu.Lock()
	s.index = entries
	s.mu.Unlock()
	for _, e := range all {
		s.setKnown(e.path, e.after)
	}
	return size, nil
}

// Close closes the storage client.
func (s *Store) Close(ctx context.Context) error { return s.client.Close(ctx) }
