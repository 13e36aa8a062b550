// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// keyUseInterval is how often the file is written. The use of keys is recorded with a
// resolution of one minute.
const keyUseInterval = time.Minute

// lastUses contains the minute of the last use of each key, by tenant and key ID.
type lastUses map[tenant.ID]map[string]time.Time

// keyUse keeps the last use of keys across changes of the registry and restarts.
// Requests record their use in the key of the current snapshot, from which keyUse
// collects it. A use that is recorded while its snapshot is replaced may be lost; the
// next use of the key is recorded again. Keys that are no longer in the registry are
// removed.
type keyUse struct {
	cfg      KeyUseConfig
	logger   *zap.Logger
	interval time.Duration

	mu       sync.Mutex
	snapshot *tenant.Snapshot // current; nil before the first one
	earlier  lastUses         // as of the last collection

	saved       []byte
	readErr     error // the file has other content and is not written
	unsubscribe func()
	stop        context.CancelFunc
	running     sync.WaitGroup
}

func newKeyUse(cfg KeyUseConfig, logger *zap.Logger) *keyUse {
	return &keyUse{cfg: cfg, logger: logger, interval: keyUseInterval, earlier: lastUses{}}
}

func (u *keyUse) start(registry tenant.Registry, recoverer *recovery.Recoverer) {
	if u.cfg.File == "" && !u.cfg.Metric {
		return
	}
	if u.cfg.File != "" {
		if err := u.read(); err != nil {
			u.readErr = err
			u.logger.Error(`Failed to read "key_use::file"; the file remains unchanged, and the last use of keys is not saved`, zap.Error(err))
		}
	}
	u.unsubscribe = registry.Subscribe(u.change)
	ctx, stop := context.WithCancel(context.Background())
	u.stop = stop
	recoverer.Keep(ctx.Done(), &u.running, "saving the last use of keys", func() { u.keep(ctx) })
}

// read reads the file of an earlier run. A file with other content is an error, because
// it may belong to something else.
func (u *keyUse) read() error {
	raw, err := os.ReadFile(u.cfg.File)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(raw) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var earlier lastUses
	if err := json.Unmarshal(raw, &earlier); err != nil {
		return fmt.Errorf("%s was not written by this extension: %w", u.cfg.File, err)
	}
	if earlier != nil {
		u.earlier = earlier
	}
	return nil
}

// change is called with every new snapshot.
func (u *keyUse) change(snapshot *tenant.Snapshot) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.collect()
	u.snapshot = snapshot
}

// collect updates earlier from the snapshot and removes keys that are not in the
// snapshot. Before the first snapshot it does nothing.
func (u *keyUse) collect() {
	if u.snapshot == nil {
		return
	}
	now := lastUses{}
	for key := range u.snapshot.Keys() {
		id := key.Tenant().ID
		last := u.earlier[id][key.ID]
		if at := key.LastUse(); at.After(last) {
			last = at
		}
		if last.IsZero() {
			continue
		}
		if now[id] == nil {
			now[id] = map[string]time.Time{}
		}
		now[id][key.ID] = last
	}
	u.earlier = now
}

// uses returns the last use of all keys. The result must not be modified.
func (u *keyUse) uses() lastUses {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.collect()
	return u.earlier
}

// keep writes the file periodically until ctx ends. It logs the first of consecutive
// failures.
func (u *keyUse) keep(ctx context.Context) {
	tick := time.NewTicker(u.interval)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := u.save()
		if err != nil && !failed {
			u.logger.Error(`Failed to write "key_use::file"; after a restart the last use of keys resumes from the last save`, diskspace.Fault(u.cfg.File, err)...)
		}
		failed = err != nil
	}
}

// save writes the file if its content has changed.
func (u *keyUse) save() error {
	if u.cfg.File == "" || u.readErr != nil {
		return nil
	}
	raw, err := json.MarshalIndent(u.uses(), "", "  ")
	if err != nil {
		return err
	}
	if raw = append(raw, '\n'); string(raw) == string(u.saved) {
		return nil
	}
	if err := atomicfile.Write(u.cfg.File, raw); err != nil {
		return err
	}
	u.saved = raw
	return nil
}

// close saves the file a last time. It logs errors instead of returning them, because
// an error would end a collector that reloads its configuration.
func (u *keyUse) close() {
	if u.stop == nil {
		return
	}
	u.stop()
	u.running.Wait()
	u.unsubscribe()
	if err := u.save(); err != nil {
		u.logger.Error(`Failed to write "key_use::file"; after a restart the last use of keys resumes from the last save`, zap.Error(err))
	}
}

func (u *keyUse) observe(_ context.Context, o metric.Int64Observer) error {
	for id, keys := range u.uses() {
		for key, at := range keys {
			o.Observe(at.Unix(), metric.WithAttributes(attribute.String("tenant", string(id)), attribute.String("key", key)))
		}
	}
	return nil
}
