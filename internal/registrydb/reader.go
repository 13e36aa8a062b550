package registrydb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrUnchanged is returned by [Reader.Load] if the registry is what the last
// call returned.
var ErrUnchanged = errors.New("unchanged")

// Reader reads a registry again and again over one connection, and each time
// only what is new. It needs the right to read the tables tenant_registry and
// tenant_registry_tenants. It is not safe for concurrent use.
type Reader struct {
	cfg     *Config
	timeout time.Duration
	conn    *pgx.Conn

	last  content // what was last returned
	fresh bool    // the last call was no error
}

// NewReader returns a reader of the database. No call takes longer than timeout.
func NewReader(cfg *Config, timeout time.Duration) *Reader {
	return &Reader{cfg: cfg, timeout: timeout}
}

// Load returns the registry as a registry file, or ErrUnchanged if the last call
// returned the same. A registry that falls back behind what was returned before,
// as that of a standby that lags, is an error, and so is one that has become
// empty or another one: none of that is what an operator does to live tenants.
func (r *Reader) Load(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	deadline, _ := ctx.Deadline() // the caller's may be earlier
	patience := time.Until(deadline).Round(100 * time.Millisecond)
	text, err := r.load(ctx)
	r.fresh = err == nil || errors.Is(err, ErrUnchanged)
	if r.fresh || errors.Is(err, ErrNoRegistry) {
		return text, err
	}
	if timedOut := ctx.Err(); errors.Is(timedOut, context.DeadlineExceeded) {
		err = fmt.Errorf("the database did not answer within %v: %w", patience, err)
	}
	return nil, r.cfg.clean(err)
}

func (r *Reader) load(ctx context.Context) ([]byte, error) {
	if r.conn != nil && r.conn.IsClosed() {
		r.conn = nil
	}
	if r.conn == nil {
		conn, err := pgx.ConnectConfig(ctx, r.cfg.pgx.Copy())
		if err != nil {
			return nil, err
		}
		r.conn = conn
	}
	now, err := readState(ctx, r.conn)
	if err != nil {
		return nil, r.failed(err)
	}
	if err := r.check(now); err != nil {
		return nil, err
	}
	if r.fresh && now.id == r.last.id && now.token == r.last.token {
		return nil, ErrUnchanged
	}
	c, err := readContent(ctx, r.conn, r.last.rows)
	if err != nil {
		return nil, r.failed(err)
	}
	if err := r.check(c.state); err != nil {
		return nil, err
	}
	text, err := c.text(r.last.rows)
	if err != nil {
		return nil, err
	}
	r.last = c
	return text, nil
}

// check refuses a state that cannot follow the last one.
func (r *Reader) check(now state) error {
	switch last := r.last.state; {
	case last.id == "":
		return nil
	case now.id != last.id:
		return unfit("the database holds the registry %s, and %s was read before; restart to accept it", now.id, last.id)
	case now.revision < last.revision:
		return unfit("the database is at revision %d, behind %d that was read before; it lags, or was restored: restart to accept it", now.revision, last.revision)
	case now.tenants == 0 && last.tenants > 0:
		return unfit("the database holds no tenant any more, and %d were read before; restart to accept it", last.tenants)
	}
	return nil
}

// failed gives up the connection, in which nobody knows what is left to read.
func (r *Reader) failed(err error) error {
	r.Close()
	return err
}

// Close ends the connection. The reader can be used again.
func (r *Reader) Close() {
	if r.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.conn.Close(ctx) // there is nothing to do about a connection that ends badly
	r.conn = nil
}
