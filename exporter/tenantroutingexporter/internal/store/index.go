// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
)

// The index is a separate file. It records which file of each shard is in use, and which file is being
// opened.
const (
	indexName      = "lanes_index"
	indexKeyPrefix = "generation_"
	spareKeyPrefix = "spare_" // the file with that generation may be removed
	openingKey     = "opening"

	// openAttempts is how many processes in a row may end while they open a file, until the file counts as
	// damaged.
	openAttempts = 3
)

// entry is the entry of a shard in the index.
type entry struct {
	generation uint8 // of its file
	used       bool  // that file was open before
	spare      uint8 // generation of a file that may be removed
	hasSpare   bool
}

// openIndex opens the index and returns its entries. If it cannot be read, the entries follow from the files
// that exist.
func (s *Store) openIndex(ctx context.Context) (entries [numShards]entry, err error) {
	name := indexName
	for g := 1; g <= maxGeneration; g++ {
		if _, err = s.examine(name, g == 1 && s.exists(fileName(0, 0))); err == nil {
			if entries, err = s.readIndex(ctx, name); err == nil {
				return entries, nil
			}
		}
		if !errors.Is(err, errDamaged) {
			return entries, err
		}
		s.faults.Add(1)
		path, known := s.locate(name)
		if known {
			aside, aerr := boltfile.SetAside(path)
			if aside == "" {
				return entries, fmt.Errorf("failed to set aside the index of queue files: %w", errors.Join(err, aerr))
			}
			path, err = aside, errors.Join(err, aerr)
		} else {
			path, name = name, indexName+"_"+strconv.Itoa(g)
		}
		s.set.Logger.Error("The index of queue files is damaged and set aside; it contained no queued data. It may be removed",
			zap.String("file", path), zap.Error(err))
	}
	return entries, err
}

// readIndex opens the index, reads it, and keeps it open.
func (s *Store) readIndex(ctx context.Context, name string) (entries [numShards]entry, err error) {
	f, err := openFile(ctx, s.set.Open, name)
	if err != nil {
		return entries, err
	}
	ops := make([]*storage.Operation, 2*numShards)
	for n := range numShards {
		ops[n] = storage.GetOperation(indexKeyPrefix + strconv.Itoa(n))
		ops[numShards+n] = storage.GetOperation(spareKeyPrefix + strconv.Itoa(n))
	}
	if err := f.apply(ctx, ops); err != nil {
		_ = f.close(ctx)
		return entries, err
	}
	s.index = f
	for n, op := range ops[:numShards] {
		if v, err := strconv.ParseUint(string(op.Value), 10, 8); err == nil {
			entries[n] = entry{generation: uint8(v), used: true}
		} else {
			entries[n] = entry{generation: s.newest(n)}
		}
		if v, err := strconv.ParseUint(string(ops[numShards+n].Value), 10, 8); err == nil && entries[n].used && uint8(v) != entries[n].generation {
			entries[n].spare, entries[n].hasSpare = uint8(v), true
		}
	}
	return entries, nil
}

// newest returns the generation of the newest file of shard n that exists, or 0. Older ones may be missing,
// because the log allows their removal.
func (s *Store) newest(n int) uint8 {
	for g := uint8(maxGeneration); g > 0; g-- {
		if s.exists(fileName(n, g)) {
			return g
		}
	}
	return 0
}

// opened records that all files are open.
func (s *Store) opened(ctx context.Context, previous [numShards]entry) error {
	ops := []*storage.Operation{storage.DeleteOperation(openingKey)}
	for n, sh := range s.shards {
		if !previous[n].used {
			ops = append(ops, storage.SetOperation(indexKeyPrefix+strconv.Itoa(n), []byte(strconv.Itoa(int(sh.generation)))))
		}
	}
	return s.index.apply(ctx, ops)
}

func (s *Store) locate(name string) (path string, ok bool) {
	if s.set.Locate == nil {
		return "", false
	}
	return s.set.Locate(name)
}

// exists reports whether the file is known to exist.
func (s *Store) exists(name string) bool {
	path, ok := s.locate(name)
	if !ok {
		return false
	}
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// examine inspects a file before storage opens it. It returns errDamaged if storage must not open it, and
// reports whether it could inspect it. expected means that there was such a file.
func (s *Store) examine(name string, expected bool) (examined bool, err error) {
	path, ok := s.locate(name)
	if !ok {
		return false, nil
	}
	state, err := boltfile.Inspect(path)
	switch {
	case errors.Is(err, boltfile.ErrDamaged):
		return true, fmt.Errorf("%w: %w", errDamaged, err)
	case err != nil:
		return false, nil //nolint:nilerr // storage has a better error when it opens the file
	case expected && (state == boltfile.Missing || state == boltfile.Empty):
		s.faults.Add(1)
		s.set.Logger.Error("A queue file is missing or empty; data that was only in this file is lost", zap.String("file", name))
	case state == boltfile.OneHead:
		s.faults.Add(1)
		s.set.Logger.Error("A queue file has a damaged header, and the other one is used; data of its last transaction may be lost",
			zap.String("file", name))
	}
	return state != boltfile.Busy, nil
}

// opening is a file that is being opened, and how often that began. It is recorded because bbolt checks
// a file in a separate goroutine, where a panic cannot be recovered: it would end the process at every
// start. A file that examine could inspect is not recorded, so that kills do not count.
type opening struct {
	name     string
	attempts int
}

// interrupted returns the file that the last process was opening when it ended.
func (s *Store) interrupted(ctx context.Context) (opening, error) {
	op := storage.GetOperation(openingKey)
	if err := s.index.apply(ctx, []*storage.Operation{op}); err != nil {
		return opening{}, fmt.Errorf("failed to read the index of queue files: %w", err)
	}
	name, count, _ := strings.Cut(string(op.Value), " ")
	attempts, _ := strconv.Atoi(count)
	return opening{name, attempts}, nil
}

// begin records that a file that could not be inspected is about to be opened.
func (s *Store) begin(ctx context.Context, name string, interrupted opening) error {
	attempts := 1
	if name == interrupted.name {
		attempts += interrupted.attempts
	}
	if attempts > openAttempts {
		return fmt.Errorf("%w: %d processes ended while they opened it", errDamaged, interrupted.attempts)
	}
	err := s.index.apply(ctx, []*storage.Operation{storage.SetOperation(openingKey, []byte(name+" "+strconv.Itoa(attempts)))})
	if err != nil {
		return fmt.Errorf("failed to write the index of queue files: %w", err)
	}
	return nil
}

func (s *Store) writeIndex(ctx context.Context, n int, generation uint8) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	err := s.index.apply(ctx, []*storage.Operation{
		storage.SetOperation(indexKeyPrefix+strconv.Itoa(n), []byte(strconv.Itoa(int(generation)))),
	})
	if err != nil {
		return fmt.Errorf("failed to write the index of queue files: %w", err)
	}
	return nil
}
