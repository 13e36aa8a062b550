// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// ErrUnchanged is returned by [Reader.Load] if the last call returned the same
// registry.
var ErrUnchanged = errors.New("unchanged")

// Loaded is a registry that was read.
type Loaded struct {
	Text      []byte // a registry file
	Version   history.Version
	Contains  history.Answer // whether its history contains the version that was given to Load
	ChangedAt time.Time      // the time of its last change, by the clock of the database
	Tenants   int64
}

// Reader reads a registry repeatedly over one connection, and each time only what
// is new. It needs the right to read the tables tenant_registry and
// tenant_registry_tenants. Except for [Reader.SilentSince] it is not safe for
// concurrent use.
type Reader struct {
	cfg     *Config
	timeout time.Duration
	conn    *pgx.Conn

	last   content         // what was returned last
	asked  history.Version // the argument of that call of Load
	fresh  bool            // the last call succeeded
	silent atomic.Int64    // since when an answer is pending, in nanoseconds since 1970; 0: none is
}

// NewReader returns a reader of the database. No call takes longer than timeout.
func NewReader(cfg *Config, timeout time.Duration) *Reader {
	return &Reader{cfg: cfg, timeout: timeout}
}

// Load returns the registry. accepted is the version of the registry that was
// accepted last. The error is [ErrUnchanged] if the last call had the same argument
// and returned the same registry. If the database does not answer and another
// connection is answered, Load continues over that one: the first may wait for an
// answer that never comes, as behind a proxy.
func (r *Reader) Load(ctx context.Context, accepted history.Version) (Loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	deadline, _ := ctx.Deadline() // the caller's may be earlier
	patience := time.Until(deadline).Round(100 * time.Millisecond)
	r.progress()
	defer r.silent.Store(0)
	loaded, err := r.hedged(ctx, accepted)
	r.fresh = err == nil || errors.Is(err, ErrUnchanged)
	if r.fresh || errors.Is(err, ErrNoRegistry) || errors.Is(err, ErrRowGone) || errors.Is(err, ErrDSN) {
		return loaded, err
	}
	if timedOut := ctx.Err(); errors.Is(timedOut, context.DeadlineExceeded) {
		err = fmt.Errorf("the database did not answer within %v: %w", patience, err)
	}
	return Loaded{}, r.cfg.clean(err)
}

// SilentSince returns since when an answer of the database is pending, or the zero
// time. It is safe for concurrent use.
func (r *Reader) SilentSince() time.Time {
	if at := r.silent.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// progress records that the database has answered and that the next answer is
// pending.
func (r *Reader) progress() { r.silent.Store(time.Now().UnixNano()) }

func (r *Reader) load(ctx context.Context, accepted history.Version) (Loaded, error) {
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
	if r.fresh && now.id == r.last.id && now.token == r.last.token && now.epoch == r.last.epoch && (accepted == r.asked || accepted == now.version()) {
		return Loaded{}, ErrUnchanged
	}
	c, err := readContent(ctx, r.conn, r.last.rows, accepted, r.progress)
	if err != nil {
		return Loaded{}, r.failed(err)
	}
	r.silent.Store(0) // no answer is pending any more
	text, err := c.text(r.last.rows)
	if err != nil {
		return Loaded{}, err
	}
	r.last, r.asked = c, accepted
	return Loaded{Text: text, Version: c.version(), Contains: c.had, ChangedAt: c.at, Tenants: c.tenants}, nil
}

// failed closes the connection, since it may have unread data.
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
	_ = conn.Close(ctx) // the connection is not used any more
}
