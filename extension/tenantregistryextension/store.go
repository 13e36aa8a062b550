package tenantregistryextension

import (
	"context"
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
)

// store is where the registry comes from. One goroutine at a time uses it.
type store interface {
	// load returns the registry in the format of a registry file. It returns
	// errUnchanged if that is what the last call returned, error or not, and
	// an unsettledError while it is being written. taken is the mark of the
	// registry that was taken last.
	load(ctx context.Context, taken history.Mark) (loaded, error)

	// silentSince returns since when a call of load waits for an answer of the
	// source, zero if it does not. It may be called at any time.
	silentSince() time.Time

	// watch calls wake when load may return something new, until ctx ends. It
	// may miss a change: load is called from time to time in any case. It
	// returns an error if nothing can be watched.
	watch(ctx context.Context, wake func()) error

	// close gives up what load and watch hold, once neither is called any more.
	close()

	// String names the store in messages, without secrets.
	String() string
}

// loaded is what a store holds.
type loaded struct {
	data      []byte
	mark      history.Mark
	contains  history.Answer // whether its history has the mark that was asked for
	changedAt time.Time      // of its last change, by the source's clock; zero: not known
}

type storeError string

func (e storeError) Error() string { return string(e) }

const errUnchanged storeError = "unchanged"

// unsettledError says that the registry is being written and when to look
// again.
type unsettledError struct{ retryAfter time.Duration }

func (e unsettledError) Error() string {
	return fmt.Sprintf("is being written, looking again in %v", e.retryAfter)
}
