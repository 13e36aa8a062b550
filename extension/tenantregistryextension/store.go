// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	// errUnchanged if the result is that of the last call, error or not, and an
	// unstableError while the registry is being written. accepted is the version of
	// the registry that was accepted last.
	load(ctx context.Context, accepted history.Version) (loaded, error)

	// silentSince returns since when a call of load waits for an answer of the
	// source, or the zero time. It may be called at any time.
	silentSince() time.Time

	// watch calls wake when load may return something new, until ctx is done. It may
	// miss changes: load is also called periodically. It returns an error if the
	// source cannot be watched.
	watch(ctx context.Context, wake func()) error

	// close releases the resources of load and watch after their last call.
	close()

	// String names the store in messages, without secrets.
	String() string
}

// loaded is a registry as a store returned it.
type loaded struct {
	data      []byte
	version   history.Version
	contains  history.Answer // whether its history contains the version that was given to load
	changedAt time.Time      // time of its last change, by the clock of the source; zero if not known
}

type storeError string

func (e storeError) Error() string { return string(e) }

const errUnchanged storeError = "unchanged"

// unstableError reports that the registry is being written and when to check again.
type unstableError struct{ retryAfter time.Duration }

func (e unstableError) Error() string {
	return fmt.Sprintf("is being written, checking again in %v", e.retryAfter)
}
