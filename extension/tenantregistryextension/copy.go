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

// keep has the copy on disk written.
func (r *registry) keep(c content) {
	if r.cfg.Snapshot == "" {
		return
	}
	select {
	case <-r.toSave: // superseded before it was written
	default:
	}
	r.toSave <- c // never blocks: this goroutine alone sends
}

// loadBackup reads the copy on disk. What the source holds must be its successor.
func (r *registry) loadBackup() {
	c, err := backup{r.cfg.Snapshot}.read()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return // the first start of all
	}
	var snapshot *tenant.Snapshot
	if err == nil {
		snapshot, err = r.parser.Parse(c.data)
	}
	if err != nil {
		r.log.Error("The copy of the registry cannot be used; it is not known what was in force before, and a restored backup would be taken",
			zap.String("snapshot", r.cfg.Snapshot), zap.Error(err))
		return
	}
	r.taken, r.copied = taken{content: c, snapshot: snapshot}, true
}

// useBackup puts the copy on disk in force if there is one and nothing else is.
func (r *registry) useBackup() {
	if !r.copied {
		return
	}
	r.copied = false
	t := r.taken
	r.publish(t.snapshot)
	r.telemetry.restored(t.readAt)
	r.log.Warn("Started with the copy of the registry", zap.String("snapshot", r.cfg.Snapshot), zap.Time("read_at", t.readAt),
		zap.Int("tenants", t.snapshot.Len()), zap.String("hash", shortHash(t.snapshot)))
}

// save writes copies until ctx ends, and then the last one. It is a goroutine
// of its own so that a slow disk delays no change. What could not be written is
// tried again, so that a start without the source does not undo a revocation.
func (r *registry) save(ctx context.Context) {
	again := time.NewTicker(saveAgain * r.cfg.PollInterval)
	defer again.Stop()
	var left *content // not written yet
	reported := false // that it cannot be
	for ended := false; !ended; {
		select {
		case c := <-r.toSave:
			left, reported = &c, false
		case <-again.C:
		case <-ctx.Done():
			ended = true
			select {
			case c := <-r.toSave:
				left, reported = &c, false
			default:
			}
		}
		if left == nil {
			continue
		}
		err := r.write(*left)
		if err == nil {
			left = nil
		} else if !reported {
			reported = true
			r.log.Error("No copy of the registry could be written; a start without the source would know no tenant",
				diskspace.Fault(r.cfg.Snapshot, err)...)
		}
	}
}

func (r *registry) write(c content) (err error) {
	defer r.recovery.Catch("writing the copy of the registry", &err)
	return backup{r.cfg.Snapshot}.write(c)
}
