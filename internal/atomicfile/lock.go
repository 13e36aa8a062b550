// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is the interval at which [Lock] retries a lock that is held.
const lockPoll = 5 * time.Millisecond

// ErrLocked is the error of [Lock] when another program holds the lock until
// the deadline of the context.
var ErrLocked = errors.New("is locked")

// Lock takes the lock for the file at path and waits for it until ctx is done.
// The lock excludes other processes and other callers in this process.
//
// The lock is a separate file, .NAME.lock in the same folder, because [Write]
// replaces the file itself. The lock file is never removed: if it were, two
// programs could hold locks on two files of the same name.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	l := flock.New(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), flock.SetPermissions(0o600))
	switch ok, err := l.TryLockContext(ctx, lockPoll); {
	case err == nil && !ok, errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s %w", l.Path(), ErrLocked)
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return l.Unlock, nil
}
