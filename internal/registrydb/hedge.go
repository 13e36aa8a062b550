// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

const (
	// hedgeAfter is how long the database may be silent before another connection is
	// tried. With hedgeTimeout it is less than a second, so that a change is in force
	// within a second after the database has recovered.
	hedgeAfter = 300 * time.Millisecond

	// hedgeTimeout bounds the attempt over another connection.
	hedgeTimeout = 500 * time.Millisecond
)

// errHedged cancels a read over a silent connection when another one is answered.
var errHedged = errors.New("another connection is answered")

// hedged is load that switches to another connection if that is answered first.
func (r *Reader) hedged(ctx context.Context, accepted history.Version) (Loaded, error) {
	main, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	watch, stop := context.WithCancel(ctx)
	found := make(chan *pgx.Conn, 1)
	go func() { found <- r.probe(watch, abandon) }()
	loaded, err := r.load(main, accepted)
	stop()
	other := <-found // probe ends with its context
	if other == nil {
		return loaded, err
	}
	if !errors.Is(context.Cause(main), errHedged) || err == nil || errors.Is(err, ErrUnchanged) {
		closeConn(other)
		return loaded, err
	}
	r.Close()
	r.conn = other
	r.progress()
	return r.load(ctx, accepted)
}

// probe waits until the database is silent, then tries other connections until one
// is answered or ctx is done. If one is answered, it abandons the silent one.
func (r *Reader) probe(ctx context.Context, abandon context.CancelCauseFunc) (answered *pgx.Conn) {
	var err error
	defer recovery.Catch(&err) // load panics for the same reason, which is reported
	tick := time.NewTicker(hedgeAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		since := r.SilentSince()
		if since.IsZero() || time.Since(since) < hedgeAfter {
			continue
		}
		conn := r.try(ctx)
		if conn == nil {
			continue
		}
		if !r.SilentSince().Equal(since) || ctx.Err() != nil {
			closeConn(conn) // the first connection is answered now
			continue
		}
		abandon(errHedged)
		return conn
	}
}

// try returns a connection that is answered, or nil.
func (r *Reader) try(ctx context.Context) *pgx.Conn {
	ctx, cancel := context.WithTimeout(ctx, hedgeTimeout)
	defer cancel()
	conn, err := r.cfg.connect(ctx)
	if err != nil {
		return nil // load reports the reason
	}
	if _, err := readState(ctx, conn); err != nil {
		closeConn(conn)
		return nil
	}
	return conn
}
