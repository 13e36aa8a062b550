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
)

// shortageEnds is the time without a rejection after which a shortage is over. Clients retry within that
// time.
const shortageEnds = 30 * time.Second

// isDiskFull reports whether the store failed because the disk is full.
func isDiskFull(err error) bool {
	var failed *lane.StoreError
	return errors.As(err, &failed) && diskspace.IsFull(err)
}

// diskShortage is a period in which data is rejected because the disk is full or its reserve would be
// used. Its methods are safe for concurrent use.
type diskShortage struct {
	mu          sync.Mutex
	since, last time.Time // since zero: there is none
}

// rejected records that data is rejected, and logs it if a shortage begins. about has further log fields.
func (w *diskShortage) rejected(now time.Time, logger *zap.Logger, usage store.Usage, about ...zap.Field) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over(now, logger)
	w.last = now
	if !w.since.IsZero() {
		return
	}
	w.since = now
	logger.Error("Storage does not take data because the disk is full; requests of tenants with much queued data are rejected until space is free. "+
		"Free space on the disk of the path or enlarge it, or find out in /health why backends do not take the queued data",
		append(about, zap.Int64("free_bytes", usage.Free), zap.Int64("reserve_bytes", usage.Reserve), zap.Int64("used_bytes", usage.Taken))...)
}

// look returns the beginning of the shortage, or the zero time if there is none. It logs the end of a
// shortage.
func (w *diskShortage) look(now time.Time, logger *zap.Logger) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over(now, logger)
	return w.since
}

func (w *diskShortage) over(now time.Time, logger *zap.Logger) {
	if !w.since.IsZero() && now.Sub(w.last) > shortageEnds {
		logger.Info("Storage takes data again", zap.Duration("after", w.last.Sub(w.since)))
		w.since = time.Time{}
	}
}
