// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

const (
	indexKey = "streams"
	countKey = "count"
	sinceKey = "since"
)

// Store keeps checkpoints in a storage extension, one for each path. It is as safe for
// concurrent use as the storage client.
type Store struct{ client storage.Client }

// NewStore returns a store on client. Closing the store closes the client.
func NewStore(client storage.Client) *Store { return &Store{client: client} }

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
	var c Checkpoint
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", path, err)
	}
	if c.Version != Version {
		return nil, fmt.Errorf("checkpoint of %s has version %d, want %d", path, c.Version, Version)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", path, err)
	}
	return &c, nil
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

// Save writes the checkpoints in changed, deletes those that are nil in it, and replaces the
// index, in one transaction.
func (s *Store) Save(ctx context.Context, changed map[string]*Checkpoint, index Index) error {
	paths, err := json.Marshal(index.Paths)
	if err != nil {
		return err
	}
	ops := []*storage.Operation{
		storage.SetOperation(indexKey, paths),
		storage.SetOperation(countKey, strconv.AppendUint(nil, index.Contents, 10)),
		storage.SetOperation(sinceKey, strconv.AppendInt(nil, index.Since.UnixNano(), 10)),
	}
	for path, c := range changed {
		if c == nil {
			ops = append(ops, storage.DeleteOperation(pathKey(path)))
			continue
		}
		data, err := json.Marshal(c)
		if err != nil {
			return err
		}
		ops = append(ops, storage.SetOperation(pathKey(path), data))
	}
	return s.client.Batch(ctx, ops...)
}

// Close closes the storage client.
func (s *Store) Close(ctx context.Context) error { return s.client.Close(ctx) }
