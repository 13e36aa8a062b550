// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
)

// postgresStore is a registry in a PostgreSQL database.
type postgresStore struct {
	cfg     *registrydb.Config
	timeout time.Duration
	reader  *registrydb.Reader
	log     *zap.Logger
}

// newPostgresStore leaves faults of the connection string to load: they may disappear
// while the gateway serves from its copy, as when the file of a CA is restored.
func newPostgresStore(c PostgresConfig, log *zap.Logger) *postgresStore {
	cfg := registrydb.LazyDSN(string(c.DSN))
	return &postgresStore{cfg, c.Timeout, registrydb.NewReader(cfg, c.Timeout), log}
}

func (p *postgresStore) String() string { return p.cfg.String() }

// load implements store.
func (p *postgresStore) load(ctx context.Context, accepted history.Version) (loaded, error) {
	got, err := p.reader.Load(ctx, accepted)
	switch {
	case errors.Is(err, registrydb.ErrUnchanged):
		return loaded{}, errUnchanged
	case errors.Is(err, registrydb.ErrDSN):
		return loaded{}, fmt.Errorf(`"postgres::dsn": %w`, err)
	}
	return loaded{got.Text, got.Version, got.Contains, got.ChangedAt}, err
}

// silentSince implements store.
func (p *postgresStore) silentSince() time.Time { return p.reader.SilentSince() }

// watch implements store. It retries without end: a database that cannot notify, such
// as a standby, may be replaced by another one.
func (p *postgresStore) watch(ctx context.Context, wake func()) error {
	if p.cfg.InClear() {
		p.log.Warn("The connection to the registry is not protected against others on the network; add sslmode=verify-full to the connection string",
			zap.Stringer("source", p))
	}
	registrydb.Listen(ctx, p.cfg, p.timeout, wake, func(err error) {
		p.log.Warn("The database cannot report changes and is polled instead", zap.Stringer("source", p), zap.Error(err))
	})
	return nil
}

// close implements store.
func (p *postgresStore) close() { p.reader.Close() }
