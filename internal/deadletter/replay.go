// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// QuietPeriod is how long a file must not have been written to before it is replayed. Until then the
// gateway may have it open.
const QuietPeriod = 2 * time.Minute

// takenExtension is the extension of files that a replay has renamed, so that the gateway does not write to
// them.
const takenExtension = ".replay"

// lockName is the name of the lock file in the directory. One replay at a time holds the lock.
const lockName = ".replay.lock"

// ErrRejected is wrapped by the error of a send function if the destination rejected the request again,
// permanently. The request stays, and the next one is sent.
var ErrRejected = errors.New("rejected")

// ErrBusy is returned by Lock while another process replays from the same directory.
var ErrBusy = errors.New("another replay from this directory is in progress")

// Outcome is the result of a replay.
type Outcome struct {
	Sent     int // requests that were delivered and are removed
	Rejected int // requests that were rejected again and stay
	Skipped  int // files that were written to within [QuietPeriod]
	Damaged  Damage
}

// Lock excludes other replays from directory until unlock is called.
func Lock(directory string) (unlock func() error, err error) {
	l := flock.New(filepath.Join(directory, lockName), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("failed to lock the dead letters: %w", err)
	}
	if !ok {
		return nil, ErrBusy
	}
	return l.Close, nil
}

// Replay calls send with every request of g, the oldest first. It records each sent request at once,
// so that a replay that ends at any moment, even by a kill, repeats at most the request that it was
// sending. It removes a file when all of its requests were sent; a file with lines that cannot be
// sent stays. Replay stops at the first error of send that does not wrap [ErrRejected]. The caller
// holds the [Lock].
func Replay(ctx context.Context, g *Group, now time.Time, send func(ctx context.Context, request []byte, n Note) error) (Outcome, error) {
	var total Outcome
	for _, file := range g.Files {
		path, quiet, err := take(file, now)
		if err != nil {
			return total, err
		}
		if !quiet {
			total.Skipped++
			continue
		}
		o, err := g.replayFile(ctx, path, send)
		total.Sent += o.Sent
		total.Rejected += o.Rejected
		total.Damaged.Add(o.Damaged)
		if err != nil {
			return total, fmt.Errorf("%s: %w", path, err)
		}
	}
	return total, nil
}

// take renames the file to a unique name, under which the gateway does not write. If the gateway opened
// the file in between, it is not quiet, and a later replay finds it under its new name.
func take(path string, now time.Time) (taken string, quiet bool, err error) {
	if quiet, err = isQuiet(path, now); err != nil || !quiet {
		return "", false, err
	}
	if strings.HasSuffix(path, takenExtension) {
		return path, true, nil
	}
	number, _, _ := strings.Cut(filepath.Base(path), ".")
	taken = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s.%020d%s", number, time.Now().UnixNano(), takenExtension))
	if err := os.Rename(path, taken); err != nil {
		return "", false, err
	}
	quiet, err = isQuiet(taken, now)
	return taken, quiet, err
}

func isQuiet(path string, now time.Time) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the gateway pruned it
	}
	if err != nil {
		return false, err
	}
	return now.Sub(info.ModTime()) >= QuietPeriod, nil
}

func (g *Group) replayFile(ctx context.Context, path string, send func(context.Context, []byte, Note) error) (o Outcome, err error) {
	before, err := os.Stat(path)
	if err != nil {
		return o, err
	}
	p, err := openProgress(path)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	err = lines(path, func(offset int64, number int, line []byte) error {
		if p.done[offset] {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		request, n, err := g.parse(line)
		if err != nil {
			o.Damaged.add(Fault{path, number, err})
			return nil
		}
		err = send(ctx, request, n)
		if errors.Is(err, ErrRejected) {
			o.Rejected++
			return nil
		}
		if err != nil {
			return err
		}
		o.Sent++
		return p.add(offset)
	})
	if err != nil || o.Rejected > 0 || o.Damaged.Lines > 0 {
		return o, err
	}
	after, err := os.Stat(path)
	if err != nil || after.Size() != before.Size() {
		return o, err // it grew: the gateway had it open
	}
	// Remove the dead letters before the progress. The other way round, a crash in between would make the next
	// replay send them again.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	return o, p.remove()
}
