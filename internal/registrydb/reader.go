package registrydb

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
)

// ErrUnchanged is returned by [Reader.Load] if the registry is what the last
// call returned.
var ErrUnchanged = errors.New("unchanged")

// Loaded is a registry that was read.
type Loaded struct {
	Text      []byte // a registry file
	Mark      history.Mark
	Contains  history.Answer // whether its history has the mark that was given to Load
	ChangedAt time.Time      // the time of its last change, as the database tells the time
	Tenants   int64
}

// Reader reads a registry again and again over one connection, and each time
// only what is new. It needs the right to read the tables tenant_registry and
// tenant_registry_tenants. It is not safe for concurrent use, but for
// [Reader.SilentSince].
type Reader struct {
	cfg     *Config
	timeout time.Duration
	conn    *pgx.Conn

	last   content      // what was last returned
	asked  history.Mark // what Load was given then
	fresh  bool         // the last call was no error
	silent atomic.Int64 // since when the database owes an answer, in nanoseconds since 1970; 0: it owes none
}

// NewReader returns a reader of the database. No call takes longer than timeout.
func NewReader(cfg *Config, timeout time.Duration) *Reader {
	return &Reader{cfg: cfg, timeout: timeout}
}

// Load returns the registry, or ErrUnchanged if the last call returned the same
// and was given the same mark, that of the registry which was taken last. If the
// database does not answer, and another connection is answered, it goes on over
// that one: the first may wait for an answer that does not come, as behind a proxy.
func (r *Reader) Load(ctx context.Context, taken history.Mark) (Loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	deadline, _ := ctx.Deadline() // the caller's may be earlier
	patience := time.Until(deadline).Round(100 * time.Millisecond)
	r.progress()
	defer r.silent.Store(0)
	loaded, err := r.hedged(ctx, taken)
	r.fresh = err == nil || errors.Is(err, ErrUnchanged)
	if r.fresh || errors.Is(err, ErrNoRegistry) || errors.Is(err, ErrRowGone) || errors.Is(err, ErrDSN) {
		return loaded, err
	}
	if timedOut := ctx.Err(); errors.Is(timedOut, context.DeadlineExceeded) {
		err = fmt.Errorf("the database did not answer within %v: %w", patience, err)
	}
	return Loaded{}, r.cfg.clean(err)
}

// SilentSince returns since when the database owes an answer, or zero. It is safe
// for concurrent use.
func (r *Reader) SilentSince() time.Time {
	if at := r.silent.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// progress notes that the database has answered, and is asked for more.
func (r *Reader) progress() { r.silent.Store(time.Now().UnixNano()) }

func (r *Reader) load(ctx context.Context, taken history.Mark) (Loaded, error) {
	if r.conn != nil && r.conn.IsClosed() {
		r.conn = nil
	}
	if r.conn == nil {
		conn, err := r.cfg.connect(ctx)
		if err != nil {
			return Loaded{}, err
		}
		r.conn = conn
		r.progress()
	}
	now, err := readState(ctx, r.conn)
	if err != nil {
		return Loaded{}, r.failed(err)
	}
	r.progress()
	if r.fresh && now.id == r.last.id && now.token == r.last.token && now.epoch == r.last.epoch && (taken == r.asked || taken == now.mark()) {
		return Loaded{}, ErrUnchanged
	}
	c, err := readContent(ctx, r.conn, r.last.rows, taken, r.progress)
	if err != nil {
		return Loaded{}, r.failed(err)
	}
	r.silent.Store(0) // the rest is this program's work
	text, err := c.text(r.last.rows)
	if err != nil {
		return Loaded{}, err
	}
	r.last, r.asked = c, taken
	return Loaded{Text: text, Mark: c.mark(), Contains: c.had, ChangedAt: c.at, Tenants: c.tenants}, nil
}

// failed gives up the connection, in which nobody knows what is left to read.
func (r *Reader) failed(err error) error {
	r.Close()
	return err
}

// Close ends the connection. The reader can be used again.
func (r *Reader) Close() {
	closeConn(r.conn)
	r.conn = nil
}

func closeConn(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // there is nothing to do about a connection that ends badly
}
