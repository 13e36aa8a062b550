// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import "context"

// contextMutex is a mutex whose lock method fails when a context ends, because the holder
// may write to a disk that hangs.
type contextMutex chan struct{}

func newContextMutex() contextMutex { return make(contextMutex, 1) }

func (m contextMutex) lock(ctx context.Context) error {
	select {
	case m <- struct{}{}:
		return nil
	default:
	}
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m contextMutex) tryLock() bool {
	select {
	case m <- struct{}{}:
		return true
	default:
		return false
	}
}

func (m contextMutex) unlock() { <-m }
