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
	// hedgeAfter is for how long a database must owe an answer before another
	// connection is tried, and how long that one may take. A change is in force
	// within a second of the database's return, so both together are less.
	hedgeAfter = 300 * time.Millisecond

	// hedgeTimeout bounds one such try.
	hedgeTimeout = 500 * time.Millisecond
)

// errHedged ends a look over a connection that is silent while another is not.
var errHedged = errors.New("another connection is answered")

// hedged is load, over another connection if that is answered first.
func (r *Reader) hedged(ctx context.Context, taken history.Mark) (Loaded, error) {
	main, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	watch, stop := context.WithCancel(ctx)
	found := make(chan *pgx.Conn, 1)
	go func() { found <- r.probe(watch, abandon) }()
	loaded, err := r.load(main, taken)
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
	return r.load(ctx, taken)
}

// probe waits until the database is silent, and then tries other connections until
// one of them is answered or ctx ends. Then it abandons the silent one.
func (r *Reader) probe(ctx context.Context, abandon context.CancelCauseFunc) (answered *pgx.Conn) {
	var err error
	defer recovery.Catch(&err) // what panics here panics over the first connection too, which is reported
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
			closeConn(conn) // the first one is answered now
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
		return nil // the first one tells why
	}
	if _, err := readState(ctx, conn); err != nil {
		closeConn(conn)
		return nil
	}
	return conn
}
