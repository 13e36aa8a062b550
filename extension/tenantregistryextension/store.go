package tenantregistryextension

import (
	"context"
	"fmt"
	"time"
)

// store is where the registry comes from. One goroutine at a time uses it.
type store interface {
	// load returns the registry in the format of a registry file. It returns
	// errUnchanged if that is what the last call returned, error or not, and
	// an unsettledError while it is being written.
	load(ctx context.Context) ([]byte, error)

	// watch calls wake when load may return something new, until ctx ends. It
	// may miss a change: load is called from time to time in any case. It
	// returns an error if nothing can be watched.
	watch(ctx context.Context, wake func()) error

	// close gives up what load and watch hold, once neither is called any more.
	close()

	// String names the store in messages, without secrets.
	String() string
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
