package tenantregistryextension

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
)

// postgresStore is a registry in a PostgreSQL database.
type postgresStore struct {
	cfg     *registrydb.Config
	timeout time.Duration
	reader  *registrydb.Reader
	log     *zap.Logger
}

func newPostgresStore(c PostgresConfig, log *zap.Logger) (*postgresStore, error) {
	cfg, err := registrydb.ParseDSN(string(c.DSN))
	if err != nil {
		return nil, err
	}
	return &postgresStore{cfg, c.Timeout, registrydb.NewReader(cfg, c.Timeout), log}, nil
}

func (p *postgresStore) String() string { return p.cfg.String() }

// load implements store.
func (p *postgresStore) load(ctx context.Context) ([]byte, error) {
	data, err := p.reader.Load(ctx)
	if errors.Is(err, registrydb.ErrUnchanged) {
		return nil, errUnchanged
	}
	return data, err
}

// watch implements store. It never gives up: the database that cannot notify
// now, such as a standby, may be another one tomorrow.
func (p *postgresStore) watch(ctx context.Context, wake func()) error {
	if p.cfg.InClear() {
		p.log.Warn("The connection to the registry is not protected against others on the network; add sslmode=verify-full to the connection string",
			zap.Stringer("source", p))
	}
	registrydb.Listen(ctx, p.cfg, p.timeout, wake, func(err error) {
		p.log.Warn("The database cannot tell of changes at present and is polled instead", zap.Stringer("source", p), zap.Error(err))
	})
	return nil
}

// close implements store.
func (p *postgresStore) close() { p.reader.Close() }
