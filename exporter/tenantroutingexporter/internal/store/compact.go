// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

const (
	tendInterval = time.Second

	// A file is compacted if it has at least this size, and its payloads use at most a quarter of it for this
	// long. It is urgent if that frees as much as half of the free disk space.
	compactBytes, compactAfter             = 16 << 20, 30 * time.Second
	urgentCompactBytes, urgentCompactAfter = 1 << 20, time.Second

	// The payloads are copied while their tenants wait, so they must be small.
	maxCopy, maxUrgentCopy = 8 << 20, 64 << 20
	copyChunk              = 1 << 20

	// The delay after a failed compaction of the same file.
	compactRetry, maxCompactRetry = 10 * time.Second, 10 * time.Minute
)

// tending is the state of a shard between two checks. Only tendLoop uses it.
type tending struct {
	since     time.Time // since then a compaction is worth it; zero: it is not
	notBefore time.Time
	wait      time.Duration
}

// tendLoop compacts queue files to free disk space.
func (s *Store) tendLoop() {
	defer s.loops.Done()
	ticker := time.NewTicker(tendInterval)
	defer ticker.Stop()
	var all [numShards]tending
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.tend(context.Background(), &all, now)
		}
	}
}

func (s *Store) tend(ctx context.Context, all *[numShards]tending, now time.Time) {
	if !s.space.known {
		return
	}
	spare := int64(0)
	for n, sh := range s.shards {
		s.measure(sh)
		spare += s.space.taken[n].Load() - s.space.live[n].Load()
	}
	urgent := s.scarce(spare)
	for n, sh := range s.shards {
		t := &all[n]
		if !s.worthCompacting(n, urgent) {
			t.since = time.Time{}
			continue
		}
		if t.since.IsZero() {
			t.since = now
		}
		after := compactAfter
		if urgent {
			after = urgentCompactAfter
		}
		if now.Sub(t.since) < after || now.Before(t.notBefore) {
			continue
		}
		before := s.space.taken[n].Load()
		if err := s.compact(ctx, sh); err != nil {
			if t.wait == 0 {
				s.set.Logger.Warn("Failed to compact a queue file; it keeps its size and is tried again",
					zap.String("file", sh.name()), zap.Error(err))
			}
			t.wait = min(max(2*t.wait, compactRetry), maxCompactRetry)
			t.notBefore = now.Add(t.wait)
			continue
		}
		*t = tending{}
		s.compactions.Add(1)
		s.measure(sh)
		s.set.Logger.Debug("Compacted a queue file", zap.String("file", sh.name()),
			zap.Int64("before", before), zap.Int64("after", s.space.taken[n].Load()))
	}
}

// scarce reports whether disk space is so low that a compaction helps.
func (s *Store) scarce(spare int64) bool {
	unused := s.space.maxBytes - s.usedBytes()
	if s.space.maxBytes <= 0 {
		unused = spare*2 + 1
	}
	if s.space.total.Load() > 0 {
		unused = min(unused, s.space.free.Load()-s.space.reserved())
	}
	return unused < spare*2
}

func (s *Store) worthCompacting(n int, urgent bool) bool {
	taken, live := s.space.taken[n].Load(), s.space.live[n].Load()
	least, most := int64(compactBytes), int64(maxCopy)
	if urgent {
		least, most = urgentCompactBytes, maxUrgentCopy
	}
	if taken < least || live > taken/4 || live > most {
		return false
	}
	// The copy needs space too, except for half of the reserve.
	return s.space.total.Load() == 0 || live*2+emptyBytes < s.space.free.Load()-s.space.reserved()/4
}

// compact copies the payloads of sh to a new file and removes the old one. Changes of sh wait. Whenever the
// process ends, the index names a complete file, and the other one as spare.
func (s *Store) compact(ctx context.Context, sh *shard) error {
	sh.lock()
	defer sh.unlock()
	sh.mu.Lock()
	old, from, noted := sh.file, sh.generation, len(sh.released)
	seqs := make([]uint64, 0, len(sh.held))
	records := make(map[uint64]*record, len(sh.held))
	for seq, r := range sh.held {
		seqs = append(seqs, seq)
		records[seq] = r
	}
	sh.mu.Unlock()
	slices.Sort(seqs)

	to, err := s.spareGeneration(sh.n, from)
	if err != nil {
		return err
	}
	if err := s.indexCompaction(ctx, sh.n, from, to); err != nil {
		return err
	}
	f, err := openFile(ctx, s.set.Open, fileName(sh.n, to))
	if err != nil {
		return errors.Join(err, s.removeSpare(ctx, sh.n, to))
	}
	err = copyRecords(ctx, old, f, seqs, records)
	if err == nil {
		err = syncDir(s.space.dir) // the name of the new file must survive a power failure too
	}
	if err != nil {
		return errors.Join(err, f.close(ctx), s.removeSpare(ctx, sh.n, to))
	}
	if err := s.indexCompaction(ctx, sh.n, to, from); err != nil {
		err = errors.Join(err, f.close(ctx))
		// The index may have been written even so. The new file stays while the index may name it.
		if back := s.indexCompaction(ctx, sh.n, from, to); back != nil {
			return errors.Join(err, back)
		}
		return errors.Join(err, s.removeSpare(ctx, sh.n, to))
	}
	sh.mu.Lock()
	sh.file, sh.generation = f, to
	sh.released = slices.Clone(sh.released[noted:]) // the copy includes the earlier ones
	sh.mu.Unlock()
	return errors.Join(old.close(ctx), s.removeSpare(ctx, sh.n, from))
}

// copyRecords copies payloads as they are stored, with the current records.
func copyRecords(ctx context.Context, from, to *file, seqs []uint64, records map[uint64]*record) error {
	for len(seqs) > 0 {
		var gets []*storage.Operation
		size, n := 0, 0
		for n < len(seqs) && (n == 0 || size+records[seqs[n]].size <= copyChunk) {
			size += records[seqs[n]].size + EntryDisk
			gets = append(gets, storage.GetOperation(key(payloadPrefix, seqs[n])))
			n++
		}
		if err := from.apply(ctx, gets); err != nil {
			return fmt.Errorf("failed to read %s: %w", from.name, err)
		}
		sets := make([]*storage.Operation, 0, 2*n)
		for i, get := range gets {
			if get.Value != nil {
				sets = append(sets, storage.SetOperation(get.Key, get.Value),
					storage.SetOperation(key(recordPrefix, seqs[i]), records[seqs[i]].encode()))
			}
		}
		if err := to.apply(ctx, sets); err != nil {
			return fmt.Errorf("failed to write %s: %w", to.name, err)
		}
		seqs = seqs[n:]
	}
	return nil
}

// spareGeneration returns the generation of a file of shard n that does not exist. It
// is above those of files that were set aside, so that the highest is the one in use.
func (s *Store) spareGeneration(n int, current uint8) (uint8, error) {
	next := 0
	for g := range maxGeneration + 1 {
		if uint8(g) != current && s.exists(fileName(n, uint8(g))) {
			next = g + 1
		}
	}
	if next == int(current) {
		next++
	}
	if next > maxGeneration {
		return 0, errors.New("too many queue files were set aside; remove them")
	}
	return uint8(next), nil
}

// indexCompaction records which file of shard n is in use and which one may be removed.
func (s *Store) indexCompaction(ctx context.Context, n int, used, spare uint8) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	err := s.index.apply(ctx, []*storage.Operation{
		storage.SetOperation(indexKeyPrefix+strconv.Itoa(n), []byte(strconv.Itoa(int(used)))),
		storage.SetOperation(spareKeyPrefix+strconv.Itoa(n), []byte(strconv.Itoa(int(spare)))),
	})
	if err != nil {
		return fmt.Errorf("failed to write the index of queue files: %w", err)
	}
	return nil
}

// removeSpare removes the file of shard n that is not in use.
func (s *Store) removeSpare(ctx context.Context, n int, generation uint8) error {
	path, ok := s.locate(fileName(n, generation))
	if !ok {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("failed to remove a queue file that is no longer in use: %w", err)
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	return s.index.apply(ctx, []*storage.Operation{storage.DeleteOperation(spareKeyPrefix + strconv.Itoa(n))})
}

// syncDir makes the names of files in dir durable if the file system can do that.
func syncDir(dir string) error {
	err := atomicfile.SyncDir(dir)
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Op == "sync" && (errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission)) {
		return nil
	}
	return err
}
