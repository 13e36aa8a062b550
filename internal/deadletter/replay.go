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

// Settled is how long a file must not have been written to before it is
// replayed: until then the gateway may have it open.
const Settled = 2 * time.Minute

// takenExtension is that of files that a replay has taken away from the gateway.
const takenExtension = ".replay"

// lockName is that of the file in the directory by which replays take turns.
const lockName = ".replay.lock"

// ErrRefused is wrapped by a send function's error when the request was refused
// for good again. The request stays, and the next one is sent.
var ErrRefused = errors.New("refused")

// ErrBusy is returned while another process replays from the same directory.
var ErrBusy = errors.New("another replay from this directory is under way")

// Outcome says what became of a replay.
type Outcome struct {
	Sent    int // requests that were delivered and are gone
	Refused int // requests that were refused again and stay
	Skipped int // files that were written to within [Settled]
	Damaged Damage
}

// Lock keeps other replays away from directory until unlock is called.
func Lock(directory string) (unlock func() error, err error) {
	l := flock.New(filepath.Join(directory, lockName), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the dead letters: %w", err)
	}
	if !ok {
		return nil, ErrBusy
	}
	return l.Close, nil
}

// Replay calls send with every request of g, the oldest first. What was sent is
// noted at once, so that a replay that ends at any moment, even by being killed,
// repeats at most the request that it was sending. A file goes when all of it was
// sent, so one with lines that cannot be sent stays. Replay stops at the first
// error of send that does not wrap [ErrRefused]. The caller holds the [Lock].
func Replay(ctx context.Context, g *Group, now time.Time, send func(ctx context.Context, request []byte, n Note) error) (Outcome, error) {
	var total Outcome
	for _, file := range g.Files {
		path, settled, err := take(file, now)
		if err != nil {
			return total, err
		}
		if !settled {
			total.Skipped++
			continue
		}
		o, err := g.replayFile(ctx, path, send)
		total.Sent += o.Sent
		total.Refused += o.Refused
		total.Damaged.Add(o.Damaged)
		if err != nil {
			return total, fmt.Errorf("%s: %w", path, err)
		}
	}
	return total, nil
}

// take gives the file a name under which the gateway does not write, and that no
// file had before. A file that the gateway opened meanwhile is not settled, and
// is found under its new name later.
func take(path string, now time.Time) (taken string, settled bool, err error) {
	if settled, err = isSettled(path, now); err != nil || !settled {
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
	settled, err = isSettled(taken, now)
	return taken, settled, err
}

func isSettled(path string, now time.Time) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the gateway made room
	}
	if err != nil {
		return false, err
	}
	return now.Sub(info.ModTime()) >= Settled, nil
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
		if errors.Is(err, ErrRefused) {
			o.Refused++
			return nil
		}
		if err != nil {
			return err
		}
		o.Sent++
		return p.add(offset)
	})
	if err != nil || o.Refused > 0 || o.Damaged.Lines > 0 {
		return o, err
	}
	after, err := os.Stat(path)
	if err != nil || after.Size() != before.Size() {
		return o, err // it grew: the gateway had it open
	}
	// The letters go first: without them the progress says nothing, without the
	// progress they would be sent again.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	return o, p.remove()
}
