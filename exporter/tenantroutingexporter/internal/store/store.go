// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"hash/fnv"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	numShards     = 16
	maxGeneration = 250
	flushInterval = 200 * time.Millisecond
)

// Settings are what a Store needs.
type Settings struct {
	// Open returns a client of the storage extension for the given name.
	Open func(ctx context.Context, name string) (storage.Client, error)

	// Locate returns the path of the file of the client with the given name, if storage keeps it in a
	// file that boltfile can inspect. Nil: it does not.
	Locate func(name string) (path string, ok bool)

	Logger *zap.Logger

	// MaxBytes bounds how much of the disk the files use, if they can be inspected. 0 means no bound.
	MaxBytes int64

	// Reserve is how much of the disk stays free. 0 means a twentieth of it, at most 64 MiB.
	Reserve int64

	// Fault reports that the last process crashed. A payload that it was sending then may be the cause.
	Fault bool
}

// Store implements lane.Store. Its methods are safe for concurrent use.
type Store struct {
	set    Settings
	index  *file
	shards [numShards]*shard
	faults atomic.Int64

	space       space
	compactions atomic.Int64
	attempts    attempts

	indexMu sync.Mutex
	stop    chan struct{}
	loops   sync.WaitGroup
}

var _ lane.Store = (*Store)(nil)

// Open opens all files and returns the payloads that an earlier run left in them, in the order of
// acceptance for each tenant. The targets of the parts are not set.
func Open(ctx context.Context, set Settings) (*Store, []lane.Part, error) {
	s := &Store{set: set, stop: make(chan struct{})}
	s.openSpace()
	entries, err := s.openIndex(ctx)
	if err != nil {
		return nil, nil, err
	}
	interrupted, err := s.interrupted(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, s.closeFiles(ctx))
	}
	for n, e := range entries {
		if e.hasSpare { // from a compaction that a kill interrupted
			if err := s.removeSpare(ctx, n, e.spare); err != nil {
				set.Logger.Warn("Failed to remove a queue file that a compaction replaced", zap.Error(err))
			}
		}
	}
	var parts []lane.Part
	for n := range s.shards {
		f, generation, c, err := s.openShard(ctx, n, entries[n], interrupted)
		if err != nil {
			return nil, nil, errors.Join(err, s.closeFiles(ctx))
		}
		sh := &shard{
			n: n, file: f, generation: generation, held: c.records, next: c.next, queue: newChangeQueue(),
			damage: s.replace, wrote: s.wrote, live: &s.space.live[n],
		}
		s.shards[n] = sh
		for _, seq := range c.order {
			r := c.records[seq]
			r.destinations = sh.share(r.destinations)
			sh.live.Add(r.cost())
			parts = append(parts, part(storeID(n, 0, seq), r))
		}
		s.measure(sh)
	}
	if err := s.openAttempts(ctx, parts); err != nil {
		return nil, nil, errors.Join(err, s.closeFiles(ctx))
	}
	if err := s.opened(ctx, entries); err != nil {
		return nil, nil, errors.Join(err, s.closeFiles(ctx))
	}
	s.loops.Add(2)
	go s.flushLoop()
	go s.tendLoop()
	return s, parts, nil
}

func part(id uint64, r *record) lane.Part {
	p := lane.Part{Payload: &lane.Payload{
		Tenant: r.tenant, Signal: r.signal, Records: r.records, Size: r.size, Accepted: time.Unix(0, r.accepted), StoreID: id,
	}}
	for _, d := range r.destinations {
		p.Routes = append(p.Routes, lane.Route{Destination: d})
	}
	return p
}

func storeID(shard int, epoch uint8, seq uint64) uint64 {
	return uint64(shard)<<56 | uint64(epoch)<<48 | seq&(1<<48-1)
}

func splitID(id uint64) (shard int, epoch uint8, seq uint64) {
	return int(id >> 56), uint8(id >> 48), id & (1<<48 - 1)
}

// Compactions returns how many files were compacted to free disk space.
func (s *Store) Compactions() int64 { return s.compactions.Load() }

// Faults returns how many files and entries were set aside because they could not be read.
func (s *Store) Faults() int64 { return s.faults.Load() }

// openShard opens the newest file of shard n that can be read.
func (s *Store) openShard(ctx context.Context, n int, e entry, interrupted opening) (*file, uint8, *content, error) {
	for generation := e.generation; ; {
		name := fileName(n, generation)
		var f *file
		examined, err := s.examine(name, e.used && generation == e.generation)
		if err == nil && !examined {
			err = s.begin(ctx, name, interrupted)
		}
		if err == nil {
			f, err = openFile(ctx, s.set.Open, name)
		}
		if err == nil {
			var c *content
			if c, err = f.load(ctx); err == nil {
				if c.faults > 0 {
					s.faults.Add(int64(c.faults))
					s.set.Logger.Error("Queue entries are invalid and ignored; their data is lost",
						zap.String("file", f.name), zap.Int("entries", c.faults))
				}
				return f, generation, c, nil
			}
			_ = f.close(ctx)
		}
		if !errors.Is(err, errDamaged) || generation >= maxGeneration {
			return nil, 0, nil, err
		}
		s.setAside(name, err)
		generation++
		if err := s.writeIndex(ctx, n, generation); err != nil {
			return nil, 0, nil, err
		}
	}
}

// replace opens the file that follows a damaged one.
func (s *Store) replace(ctx context.Context, n int, generation uint8, cause error) (*file, uint8, error) {
	if generation >= maxGeneration {
		return nil, 0, cause
	}
	damaged := fileName(n, generation)
	for generation++; generation < maxGeneration && s.exists(fileName(n, generation)); generation++ {
	}
	f, err := openFile(ctx, s.set.Open, fileName(n, generation))
	if err != nil {
		s.set.Logger.Error("A queue file is damaged, and a new one cannot be opened", zap.String("file", damaged), zap.Error(errors.Join(cause, err)))
		return nil, 0, err
	}
	if err := s.writeIndex(ctx, n, generation); err != nil {
		return nil, 0, errors.Join(err, f.close(ctx))
	}
	s.setAside(damaged, cause) // once, even if a full disk made this fail before
	return f, generation, nil
}

func (s *Store) setAside(name string, cause error) {
	s.faults.Add(1)
	s.set.Logger.Error("A queue file is damaged and set aside; data that was only in this file is lost. The file is kept for repair and may be removed",
		zap.String("file", name), zap.Error(cause))
}

func shardOf(id tenant.ID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % numShards)
}

// Put implements lane.Store.
func (s *Store) Put(ctx context.Context, parts []lane.Part) error {
	for i := range parts {
		p := parts[i].Payload
		r := &record{tenant: p.Tenant, signal: p.Signal, records: p.Records, size: p.Size, accepted: p.Accepted.UnixNano()}
		for _, route := range parts[i].Routes {
			r.destinations = append(r.destinations, route.Destination)
		}
		n := shardOf(p.Tenant)
		seqs, epoch, err := s.shards[n].put(ctx, []*record{r}, [][]byte{p.Data})
		if err != nil {
			for _, done := range parts[:i] {
				for _, route := range done.Routes {
					s.Release([]*lane.Payload{done.Payload}, route.Destination)
				}
			}
			return err
		}
		p.StoreID = storeID(n, epoch, seqs[0])
	}
	return nil
}

// Read implements lane.Store. The payloads are of one tenant.
func (s *Store) Read(ctx context.Context, payloads []*lane.Payload) ([][]byte, error) {
	out := make([][]byte, len(payloads))
	type source struct {
		shard int
		epoch uint8
	}
	bySource := make(map[source][]int)
	for i, p := range payloads {
		n, g, _ := splitID(p.StoreID)
		bySource[source{n, g}] = append(bySource[source{n, g}], i)
	}
	for src, at := range bySource {
		seqs := make([]uint64, len(at))
		for j, i := range at {
			_, _, seqs[j] = splitID(payloads[i].StoreID)
		}
		data, err := s.shards[src.shard].read(ctx, src.epoch, seqs)
		if err != nil {
			return nil, err
		}
		for j, i := range at {
			if out[i] = data[j]; data[j] == nil {
				s.faults.Add(1)
			}
		}
	}
	return out, nil
}

// Release implements lane.Store.
func (s *Store) Release(payloads []*lane.Payload, destination string) {
	for _, p := range payloads {
		n, epoch, seq := splitID(p.StoreID)
		s.shards[n].release(epoch, seq, destination)
	}
}

// flushLoop records deliveries in storage soon, so that a crash repeats few of them.
func (s *Store) flushLoop() {
	defer s.loops.Done()
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		err := s.flush(context.Background())
		if err != nil && !failing {
			s.set.Logger.Error("Failed to record deliveries in storage; after a crash they are repeated", diskspace.Fault(s.directory(), err)...)
		}
		failing = err != nil
	}
}

// directory returns the directory of the files, or "" if it is not known.
func (s *Store) directory() string {
	if s.set.Locate != nil {
		if path, ok := s.set.Locate(fileName(0, 0)); ok {
			return filepath.Dir(path)
		}
	}
	return ""
}

func (s *Store) flush(ctx context.Context) error {
	var errs []error
	for _, sh := range s.shards {
		errs = append(errs, sh.flush(ctx))
	}
	return errors.Join(append(errs, s.flushAttempts(ctx))...)
}

// Close records releases and closes all files.
func (s *Store) Close(ctx context.Context) error {
	close(s.stop)
	s.loops.Wait()
	return errors.Join(s.flush(ctx), s.closeFiles(ctx))
}

func (s *Store) closeFiles(ctx context.Context) error {
	var errs []error
	for _, sh := range s.shards {
		if sh != nil {
			errs = append(errs, sh.file.close(ctx))
		}
	}
	if s.index != nil {
		errs = append(errs, s.index.close(ctx))
	}
	return errors.Join(errs...)
}
