// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	usageName = "limits"
	usageKey  = "usage"

	// saveInterval bounds the counts that a crash loses.
	saveInterval = 5 * time.Second
)

// usageStore keeps what tenants have sent in a storage extension.
type usageStore struct {
	client   storage.Client
	path     string // of its file; empty: not known
	interval time.Duration
	saved    map[tenant.ID]ratelimit.Usage // used by the goroutine of keep, and by close after it
	stop     context.CancelFunc
	done     sync.WaitGroup
	recovery *recovery.Recoverer
}

// openUsageStore opens the storage extension id. If the file with the counts is damaged,
// it sets the file aside and calls report: bbolt would end the process over it.
func openUsageStore(ctx context.Context, host component.Host, id, owner component.ID, report func(error)) (*usageStore, error) {
	ext, err := storageclient.Find(host, "limits::storage", id)
	if err != nil {
		return nil, err
	}
	client := storageclient.Owner{Kind: component.KindProcessor, ID: owner}
	path, ok := ext.Locate(client, usageName)
	if ok {
		if _, err := boltfile.Inspect(path); errors.Is(err, boltfile.ErrDamaged) {
			name, aerr := boltfile.SetAside(path)
			if name == "" {
				return nil, fmt.Errorf("limits::storage: %w", errors.Join(err, aerr))
			}
			report(fmt.Errorf("%w; set aside as %s", errors.Join(err, aerr), filepath.Base(name)))
		}
	}
	opened, err := ext.Open(ctx, client, usageName)
	if err != nil {
		return nil, err
	}
	return &usageStore{client: opened, path: path, interval: saveInterval}, nil
}

func (s *usageStore) load(ctx context.Context) (map[tenant.ID]ratelimit.Usage, error) {
	raw, err := s.client.Get(ctx, usageKey)
	if err != nil || raw == nil {
		return nil, err
	}
	var all map[tenant.ID]ratelimit.Usage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	s.saved = maps.Clone(all)
	return all, nil
}

// keep saves what usages returns at each interval until close. It reports each change
// from success to failure once.
func (s *usageStore) keep(usages func() map[tenant.ID]ratelimit.Usage, report func(error)) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.recovery.Keep(ctx.Done(), &s.done, "saving usage counters", func() {
		tick := time.NewTicker(s.interval)
		defer tick.Stop()
		failed := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := s.save(ctx, usages())
			if err != nil && !failed && ctx.Err() == nil {
				report(err)
			}
			failed = err != nil
		}
	})
}

// save writes all unless it equals the last save.
func (s *usageStore) save(ctx context.Context, all map[tenant.ID]ratelimit.Usage) error {
	if maps.EqualFunc(all, s.saved, ratelimit.Usage.Equal) {
		return nil
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := s.client.Set(ctx, usageKey, raw); err != nil {
		return err
	}
	s.saved = all
	return nil
}

// close saves last and closes the storage.
func (s *usageStore) close(ctx context.Context, last map[tenant.ID]ratelimit.Usage) error {
	s.stop()
	s.done.Wait()
	ctx = context.WithoutCancel(ctx) // writing is short
	err := s.save(ctx, last)
	if err != nil {
		err = fmt.Errorf("limits: saving usage counters: %w", err)
	}
	return errors.Join(err, s.client.Close(ctx))
}
