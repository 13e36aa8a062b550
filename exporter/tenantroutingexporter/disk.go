package tenantroutingexporter

import (
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// wantOver is how long nothing must have been refused until the want of disk is
// over. Callers come again within that time.
const wantOver = 30 * time.Second

// isDiskFull says whether the store did not take data because there is no room.
func isDiskFull(err error) bool {
	var failed *lane.StoreError
	return errors.As(err, &failed) && diskspace.IsFull(err)
}

// diskWant is a time in which data is refused for want of disk. Its methods are safe for
// concurrent use.
type diskWant struct {
	mu          sync.Mutex
	since, last time.Time // since zero: there is none
}

// refused notes that data is refused, and logs it if nothing was before. about says whose
// and where.
func (w *diskWant) refused(now time.Time, logger *zap.Logger, usage store.Usage, about ...zap.Field) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over(now, logger)
	w.last = now
	if !w.since.IsZero() {
		return
	}
	w.since = now
	logger.Error("Storage does not take data for want of disk; requests of tenants that hold much are refused until there is room again. "+
		"Free room on the disk of the path or make it larger, or see why backends do not take the data that waits (/health)",
		append(about, zap.Int64("free_bytes", usage.Free), zap.Int64("reserve_bytes", usage.Reserve), zap.Int64("used_bytes", usage.Taken))...)
}

// look returns since when data is refused, or the zero time, and logs when that is
// over.
func (w *diskWant) look(now time.Time, logger *zap.Logger) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over(now, logger)
	return w.since
}

func (w *diskWant) over(now time.Time, logger *zap.Logger) {
	if !w.since.IsZero() && now.Sub(w.last) > wantOver {
		logger.Info("Storage takes data again", zap.Duration("after", w.last.Sub(w.since)))
		w.since = time.Time{}
	}
}

func (r *router) usage() store.Usage {
	if r.store == nil {
		return store.Usage{Free: -1}
	}
	return r.store.Usage()
}

// health is what the boards of health show.
func (r *router) health() healthboard.Lanes {
	h := r.scheduler.Load().Health()
	h.Routes = r.routes.Load()
	if r.letters != nil {
		h.DeadLetters = r.letters.health()
	}
	if r.store == nil || r.stateDir == "" {
		return h
	}
	now := time.Now()
	u := r.usage()
	h.Storage = &healthboard.Storage{Used: u.Taken, Free: u.Free, Reserve: u.Reserve}
	if since := r.want.look(now, r.set.Logger); !since.IsZero() {
		h.Storage.Refusing, h.Storage.For = true, now.Sub(since)
	}
	return h
}
