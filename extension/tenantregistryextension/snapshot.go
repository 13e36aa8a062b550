// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// saveLater makes the saving goroutine write c to disk.
func (r *registry) saveLater(c content) {
	if r.cfg.Snapshot == "" {
		return
	}
	select {
	case <-r.toSave: // replaced before it was written
	default:
	}
	r.toSave <- c // never blocks: only this goroutine sends
}

// loadSnapshot reads the copy on disk. The registry of the source must be a
// successor of it.
func (r *registry) loadSnapshot() {
	c, err := snapshotFile{r.cfg.Snapshot}.read()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return // the first start
	}
	var snapshot *tenant.Snapshot
	if err == nil {
		snapshot, err = r.parser.Parse(c.data)
	}
	if err != nil {
		r.log.Error("Failed to read the snapshot file of the registry; without it a restored backup cannot be detected",
			zap.String("snapshot", r.cfg.Snapshot), zap.Error(err))
		return
	}
	r.accepted, r.copied = accepted{content: c, snapshot: snapshot}, true
}

// useSnapshot puts the copy on disk in force if there is one and no other registry is.
func (r *registry) useSnapshot() {
	if !r.copied {
		return
	}
	r.copied = false
	t := r.accepted
	r.publish(t.snapshot)
	r.telemetry.restored(t.readAt)
	r.log.Warn("Started with the copy of the registry", zap.String("snapshot", r.cfg.Snapshot), zap.Time("read_at", t.readAt),
		zap.Int("tenants", t.snapshot.Len()), zap.String("hash", shortHash(t.snapshot)))
}

// save writes copies until ctx is done, and then the last one. It runs in a goroutine
// of its own so that a slow disk delays no change. It retries failed writes, so that
// a start without the source does not undo a revocation.
func (r *registry) save(ctx context.Context) {
	retry := time.NewTicker(saveAgain * r.cfg.PollInterval)
	defer retry.Stop()
	var pending *content // not written yet
	reported := false    // that it cannot be written
	for ended := false; !ended; {
		select {
		case c := <-r.toSave:
			pending, reported = &c, false
		case <-retry.C:
		case <-ctx.Done():
			ended = true
			select {
			case c := <-r.toSave:
				pending, reported = &c, false
			default:
			}
		}
		if pending == nil {
			continue
		}
		err := r.write(*pending)
		if err == nil {
			pending = nil
		} else if !reported {
			reported = true
			r.log.Error("Failed to write the snapshot file of the registry; if the source is unavailable at the next start, no tenant is known",
				diskspace.Fault(r.cfg.Snapshot, err)...)
		}
	}
}

func (r *registry) write(c content) (err error) {
	defer r.recovery.Catch("writing the copy of the registry", &err)
	return snapshotFile{r.cfg.Snapshot}.write(c)
}
