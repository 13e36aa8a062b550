// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// shortageEnds is the time without a rejection after which a shortage is over, whatever its reason.
	// Clients retry within that time.
	shortageEnds = 30 * time.Second

	// shortageQuiet is the time without a rejection after which a shortage is over if there is
	// enough space again. The space is measured every second.
	shortageQuiet = 3 * time.Second

	// shortageMargin is the part of the reserve that must be free in addition, so that a disk that drains
	// slowly is one shortage and not many.
	shortageMargin = 16

	// maxShort bounds the tenants that are remembered. A shortage of more ends after shortageEnds.
	maxShort = 256
)

// isDiskFull reports whether the store failed because the disk is full.
func isDiskFull(err error) bool {
	var failed *lane.StoreError
	return errors.As(err, &failed) && diskspace.IsFull(err)
}

// disk is what a shortage is about.
type disk interface {
	// Usage returns the usage of the disk, as it was measured last.
	Usage() store.Usage
	// HasSpace reports whether the disk has space for size more bytes of a tenant.
	HasSpace(id tenant.ID, size int64) bool
}

// diskShortage is a period in which data is rejected because the disk is full or its reserve would be
// used. Its methods are safe for concurrent use.
type diskShortage struct {
	disk   disk
	logger *zap.Logger
	text   string // the message when it begins

	mu          sync.Mutex
	since, last time.Time           // since zero: there is none
	short       map[tenant.ID]int64 // what could not be stored: the largest payload of each tenant
	full        bool                // writes failed, and less than the reserve was free
	unknown     bool                // the reason of a rejection does not show in the space that is free
}

// rejected records that data is rejected, and logs it if a shortage begins. err has a *lane.SpaceError, or
// isDiskFull reports true. about has further log fields.
func (w *diskShortage) rejected(now time.Time, err error, about ...zap.Field) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over(now)
	w.last = now
	usage := w.disk.Usage()
	begins := w.since.IsZero()
	if begins {
		w.since, w.short, w.full, w.unknown = now, map[tenant.ID]int64{}, false, false
	}
	var space *lane.SpaceError
	switch {
	case !errors.As(err, &space):
		// Otherwise it may be a quota, or the number of files.
		below := usage.Free >= 0 && usage.Free <= usage.Reserve
		w.full = w.full || below
		w.unknown = w.unknown || !below
	case len(w.short) < maxShort || w.short[space.Tenant] > 0:
		w.short[space.Tenant] = max(w.short[space.Tenant], space.Size)
		about = append(about, zap.String("tenant", string(space.Tenant)), zap.Stringer("signal", space.Signal))
	default:
		w.unknown = true
	}
	if begins {
		w.logger.Error(w.text, append(about, zap.Error(err), zap.Int64("free_bytes", usage.Free), zap.Int64("reserve_bytes", usage.Reserve), zap.Int64("used_bytes", usage.Taken))...)
	}
}

// look returns the beginning of the shortage, or the zero time if there is none. It logs the end of a
// shortage.
func (w *diskShortage) look(now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over(now)
	return w.since
}

func (w *diskShortage) over(now time.Time) {
	if w.since.IsZero() {
		return
	}
	switch quiet := now.Sub(w.last); {
	case quiet > shortageEnds:
		now = w.last // the end is not known
	case quiet < shortageQuiet || !w.enough():
		return
	}
	w.logger.Info("Storage takes data again", zap.Duration("after", now.Sub(w.since)))
	w.since, w.short = time.Time{}, nil
}

// enough reports whether everything that was rejected can be stored now.
func (w *diskShortage) enough() bool {
	if w.unknown {
		return false
	}
	usage := w.disk.Usage()
	margin := usage.Reserve / shortageMargin
	if w.full && usage.Free <= usage.Reserve+margin {
		return false
	}
	for id, size := range w.short {
		if !w.disk.HasSpace(id, size+margin) {
			return false
		}
	}
	return true
}

// routerDisk is the disk of the queue of a router.
type routerDisk struct{ router *router }

func (d routerDisk) Usage() store.Usage { return d.router.usage() }

func (d routerDisk) HasSpace(id tenant.ID, size int64) bool {
	return d.router.scheduler.Load().HasSpace(id, size)
}

// newShortage returns the shortage of the disk of the queue.
func (r *router) newShortage() *diskShortage {
	text := "Storage does not take data because the disk is full; requests of tenants with much queued data are rejected until space is free. " +
		"Free space on the disk of the path or enlarge it, or find out in /health why backends do not take the queued data"
	if !r.cfg.hasRegistry() { // an agent
		text = "Storage does not take data because the disk is full. Free space on the disk of the path, or enlarge it"
	}
	return &diskShortage{disk: routerDisk{r}, logger: r.set.Logger, text: text}
}
