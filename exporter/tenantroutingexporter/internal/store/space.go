// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"math"
	"path/filepath"
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// EntryDisk is how much of the disk a payload uses in addition to its bytes. A test measures it.
	EntryDisk = 640

	// EntryMemory is how much memory a payload uses in addition to its bytes: 160 to 280
	// bytes, and as much again until the garbage collector runs. A test measures it.
	EntryMemory = 512

	// emptyBytes is the size of a queue file that never had many payloads. It is not counted.
	emptyBytes = 128 << 10

	// smallBytes is how much a tenant may hold while the upper half of the reserve is used up. It is less
	// if the reserve is small.
	smallBytes   = 256 << 10
	smallDivisor = 8 // of the reserve

	// measureBytes is how many bytes are written between two measurements of the disk.
	measureBytes = 256 << 10
)

// space measures the disk. Its methods are safe for concurrent use.
type space struct {
	maxBytes int64
	reserve  int64 // 0: by the size of the file system
	dir      string
	known    bool // files can be inspected

	free, total atomic.Int64 // of the file system; total 0: not known
	since       atomic.Int64 // bytes written since
	taken       [numShards]atomic.Int64
	live        [numShards]atomic.Int64
}

// Usage is the usage of the disk, in bytes.
type Usage struct {
	Taken   int64 // by queue files
	Held    int64 // of that, by queued payloads
	Free    int64 // on the file system; -1: not known
	Reserve int64 // of Free, not available to payloads
}

func (s *Store) openSpace() {
	s.space.maxBytes, s.space.reserve = s.set.MaxBytes, s.set.Reserve
	if path, ok := s.locate(indexName); ok {
		s.space.dir, s.space.known = filepath.Dir(path), true
	}
}

// measure measures the file system, and the file of sh if it is not nil.
func (s *Store) measure(sh *shard) {
	if !s.space.known {
		return
	}
	s.space.since.Store(0)
	if free, ok := diskspace.Of(s.space.dir); ok {
		s.space.free.Store(free.Bytes)
		s.space.total.Store(free.Total)
	}
	if sh == nil {
		return
	}
	sh.mu.Lock()
	name := sh.file.name
	sh.mu.Unlock()
	if path, ok := s.locate(name); ok {
		s.space.taken[sh.n].Store(max(0, diskspace.Taken(path)-emptyBytes))
	}
}

// wrote records the size of a transaction of sh.
func (s *Store) wrote(sh *shard, bytes int) {
	if s.space.since.Add(int64(bytes)) >= measureBytes {
		s.measure(sh)
	}
}

func (p *space) reserved() int64 {
	if p.reserve > 0 {
		return p.reserve
	}
	return diskspace.Free{Total: p.total.Load()}.Reserve()
}

// reusable returns how many bytes of new payloads fit into free pages of the file of shard n. These are
// fragmented, so that only part of them counts.
func (p *space) reusable(n int) int64 {
	return max(0, p.taken[n].Load()/2-p.live[n].Load())
}

// Space returns how much the store can take of the tenant. It is lane.Settings.Space.
func (s *Store) Space(id tenant.ID) lane.Space {
	p := &s.space
	out := lane.Space{Disk: math.MaxInt64 / 2, Quota: math.MaxInt64 / 2}
	if !p.known {
		return out
	}
	taken := s.usedBytes()
	reusable := p.reusable(shardOf(id))
	if p.maxBytes > 0 {
		out.Quota = p.maxBytes - taken - p.since.Load()
		if taken < p.maxBytes/4*5 { // files whose free pages are too fragmented must not grow without bound
			out.Quota += reusable
		}
	}
	if p.total.Load() > 0 {
		reserve := p.reserved()
		free := p.free.Load() - p.since.Load()
		if free > reserve/2 {
			out.Small = min(smallBytes, reserve/smallDivisor)
			out.Disk = free - reserve + reusable
		} else {
			out.Disk = 0
		}
	}
	return out
}

func (s *Store) usedBytes() int64 {
	taken := int64(0)
	for n := range s.space.taken {
		taken += s.space.taken[n].Load()
	}
	return taken
}

// Usage returns the usage of the disk.
func (s *Store) Usage() Usage {
	u := Usage{Taken: s.usedBytes(), Free: -1}
	for n := range s.space.live {
		u.Held += s.space.live[n].Load()
	}
	if s.space.total.Load() > 0 {
		u.Free, u.Reserve = s.space.free.Load(), s.space.reserved()
	}
	return u
}
