// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/archive"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// deadLetterFiles is how many files the dead letters of one lane are distributed over.
	deadLetterFiles = 8

	// deadLetterScan is the time between two scans of the directory. In between an operator, a replay
	// or the bound of a folder may have removed files.
	deadLetterScan = 5 * time.Minute
)

// deadLetters keeps requests that destinations reject permanently, and the set of tenants and
// destinations that have any. Its methods are safe for concurrent use.
type deadLetters struct {
	*archive.Archive
	directory string
	shown     string // the directory as an operator in another directory can use it
	logger    *zap.Logger

	mu      sync.Mutex
	owners  map[deadletter.Owner]bool // bounded by the folders in the directory
	written map[lane.Key]*writtenLetters
	scanned time.Time
}

func openDeadLetters(cfg *Config, logger *zap.Logger) (*deadLetters, error) {
	c := cfg.DeadLetter.Get()
	a, err := archive.Open(archive.Settings{
		Directory: c.Directory, MaxFileBytes: max(1, int64(c.MaxBytes)/deadLetterFiles),
		MaxFolderBytes: int64(c.MaxBytes), MaxOpenFiles: 64, Sync: true, Reserve: int64(cfg.StorageReserve),
	})
	if err != nil {
		return nil, fmt.Errorf("dead_letter: %w", err)
	}
	d := &deadLetters{Archive: a, directory: c.Directory, shown: c.Directory, logger: logger, owners: make(map[deadletter.Owner]bool), written: make(map[lane.Key]*writtenLetters)}
	if abs, err := filepath.Abs(c.Directory); err == nil {
		d.shown = abs
	}
	d.scan(time.Now())
	return d, nil
}

// tidy closes files that are not in use, and scans the directory from time to time.
func (d *deadLetters) tidy(now time.Time) {
	d.Sweep(now.Add(-sweepInterval))
	d.mu.Lock()
	due := now.Sub(d.scanned) >= deadLetterScan
	d.mu.Unlock()
	if due {
		d.scan(now)
	}
}

// scan updates the set of tenants and destinations with dead letters. If the directory cannot be
// read, the set remains.
func (d *deadLetters) scan(now time.Time) {
	owners, err := deadletter.Owners(d.directory)
	if err != nil {
		d.logger.Warn("Failed to look for dead letters; their number in health may be out of date", zap.String("directory", d.directory), zap.Error(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scanned = now
	if err == nil {
		d.owners = owners
	}
}

// writtenLetters are the dead letters that this process has written for a lane.
type writtenLetters struct {
	requests, records int64
	last              *healthboard.LaneAnswer
}

// wrote records a dead letter of a lane, and why it is one.
func (d *deadLetters) wrote(k lane.Key, records int, why *healthboard.LaneAnswer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owners[deadletter.Owner{Tenant: k.Tenant, Destination: k.Destination}] = true
	w := d.written[k]
	if w == nil {
		w = &writtenLetters{}
		d.written[k] = w
	}
	w.requests++
	w.records += int64(records)
	w.last = why
}

// forget removes what is known of the dead letters of removed tenants. Their files remain.
func (d *deadLetters) forget(gone func(tenant.ID) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.written, func(k lane.Key, _ *writtenLetters) bool { return gone(k.Tenant) })
}

// health returns how many tenants and destinations have dead letters, or nil if there are none.
func (d *deadLetters) health() *healthboard.DeadLetters {
	d.mu.Lock()
	owners := maps.Clone(d.owners)
	d.mu.Unlock()
	if len(owners) == 0 {
		return nil
	}
	tenants, destinations := make(map[tenant.ID]bool), make(map[string]bool)
	for o := range owners {
		tenants[o.Tenant], destinations[o.Destination] = true, true
	}
	return &healthboard.DeadLetters{Tenants: len(tenants), Destinations: len(destinations)}
}

// keepDeadLetter is lane.Settings.Rejected.
func (r *router) keepDeadLetter(b *lane.Batch, res lane.Result) (kept bool, err error) {
	err = r.writeDeadLetter(b, res)
	if backend.Undecodable(err) || recovery.Is(err) {
		return false, nil // it can be neither shown nor replayed
	}
	if err == nil {
		r.letters.wrote(b.Key, b.Records, lane.AnswerOf(&res, time.Now()))
	}
	return true, err
}

func (r *router) writeDeadLetter(b *lane.Batch, res lane.Result) (err error) {
	defer r.recovery.Catch("writing dead letters", &err)
	return r.letters.AppendFrom(r.pool.DeadLetters(b, res, time.Now()))
}
