package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

// Storage is where a log is kept. It need not be safe for concurrent use: who
// changes the registry holds its lock.
type Storage interface {
	// Checkpoint returns the newest checkpoint, nil if there is no log yet.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Hashes returns the stored hashes with the indexes, in their order.
	Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)

	// AllHashes returns every stored hash in the order of the indexes.
	AllHashes(ctx context.Context) ([]tlog.Hash, error)

	// Entries calls f for the text of every entry in order, until it fails.
	Entries(ctx context.Context, f func(text []byte) error) error

	// Append adds entries, their hashes, the first of which has the index
	// First, and puts the checkpoint in the place of the last one.
	Append(ctx context.Context, a Addition) error
}

// Addition is what entries add to a log.
type Addition struct {
	Seq        int64    // of the first entry
	Texts      [][]byte // one for each entry
	First      int64    // index of the first of Hashes
	Hashes     []tlog.Hash
	Checkpoint []byte
}

var (
	// ErrDamaged is returned for a log that cannot be continued.
	ErrDamaged = errors.New(`the audit log is damaged, see "tenantctl audit verify"; "tenantctl registry accept-restore --new-audit-log" sets it aside and begins another`)

	// ErrRestored is returned for a log that is whole, and does not continue what
	// was seen of it before.
	ErrRestored = errors.New(`the audit log does not continue what was seen of it before, as after a backup was restored: accept that with "tenantctl registry accept-restore"; until then only "tenantctl key revoke", "tenant suspend" and "tenant delete" change the registry`)
)

// Log is the log of one registry.
type Log struct {
	storage Storage
	key     *Key
	seen    string // path of the checkpoint seen last
	policy  Seen
	behind  bool // the log does not continue the checkpoint seen last
}

// Keys says where the key of a log is, and what was last seen of it.
type Keys struct {
	Path     string // of the key file
	Registry string // tells the registry from others whose log has the same key
}

// Seen returns the path of the checkpoint that was seen last.
func (k Keys) Seen() string { return k.Path + ".seen-" + Hash([]byte(k.Registry))[:12] }

// Open returns the log in s for writing. The key file is made if there is no log
// yet.
func Open(ctx context.Context, s Storage, keys Keys) (*Log, error) {
	l := &Log{storage: s, seen: keys.Seen()}
	data, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	l.key, err = ReadKey(keys.Path)
	if errors.Is(err, ErrNoKey) && data == nil {
		l.key, err = CreateKey(keys.Path)
		if errors.Is(err, fs.ErrExist) {
			l.key, err = ReadKey(keys.Path) // another program has made it meanwhile
		}
	}
	return l, err
}

// next returns the checkpoint from which the log goes on. It has N 0 if there is
// no log yet.
func (l *Log) next(ctx context.Context) (checkpoint, error) {
	data, err := l.storage.Checkpoint(ctx)
	if err != nil {
		return checkpoint{}, err
	}
	earlier, wasSeen, err := readSeen(l.seen, l.key.public)
	if l.policy == SeenReplaced {
		wasSeen, err = false, nil
	}
	if err != nil {
		return checkpoint{}, err
	}
	if data == nil {
		if wasSeen {
			if err := l.notContinued(fmt.Errorf("it is gone, and had %d entries when seen before", earlier.N)); err != nil {
				return checkpoint{}, err
			}
		}
		return checkpoint{origin: newOrigin()}, nil
	}
	c, err := openCheckpoint(data, l.key.public)
	if err != nil {
		return checkpoint{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, err := readEdge(ctx, l.storage, c); err != nil {
		return c, err
	}
	if wasSeen {
		err = c.follows(earlier, hashReader(ctx, l.storage))
	}
	switch {
	case errors.As(err, new(notContinuedError)):
		return c, l.notContinued(err)
	case err != nil:
		return c, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return c, nil
}

// notContinued returns ErrRestored, unless an entry is to be added all the same.
func (l *Log) notContinued(why error) error {
	if l.policy == SeenMustFollow {
		return fmt.Errorf("%w (%w)", ErrRestored, why)
	}
	l.behind = true
	return nil
}

// Append adds an entry, whose Seq it sets. The caller calls [Log.Committed] once
// the entry is there for good.
func (l *Log) Append(ctx context.Context, e *Entry) error {
	c, err := l.next(ctx)
	if err != nil {
		return err
	}
	a, _, err := extend(ctx, l.storage, l.key, c, e)
	if err != nil {
		return err
	}
	return l.storage.Append(ctx, a)
}

// extend returns what entries, whose Seq it sets, add to the log in s that has
// the checkpoint c, and the checkpoint that it then has. It returns ErrDamaged if
// s does not have the hashes of c.
func extend(ctx context.Context, s Storage, k *Key, c checkpoint, entries ...*Entry) (a Addition, after checkpoint, err error) {
	a = Addition{Seq: c.N, First: tlog.StoredHashCount(c.N)}
	known, err := readEdge(ctx, s, c)
	if err != nil {
		return a, c, err
	}
	for _, e := range entries {
		e.Seq = c.N
		text, err := e.encode()
		if err != nil {
			return a, c, err
		}
		hashes, err := tlog.StoredHashes(c.N, text, known)
		if err != nil {
			return a, c, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		for _, h := range hashes {
			known[a.First+int64(len(a.Hashes))] = h
			a.Hashes = append(a.Hashes, h)
		}
		a.Texts = append(a.Texts, text)
		c.N++
	}
	if c.Hash, err = tlog.TreeHash(c.N, known); err != nil {
		return a, c, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	a.Checkpoint, err = c.sign(k)
	return a, c, err
}

// Committed remembers how the log is now, beside the key. What was seen of another
// log stays until that one is accepted.
func (l *Log) Committed(checkpoint []byte) error {
	if l.behind {
		return nil
	}
	return atomicfile.Write(l.seen, checkpoint)
}

func hashReader(ctx context.Context, s Storage) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return s.Hashes(ctx, indexes) })
}

// readSeen returns the checkpoint seen last, if there is one.
func readSeen(path, public string) (c checkpoint, ok bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	if c, err = openCheckpoint(data, public); err != nil {
		return c, false, fmt.Errorf("%s: %w", path, err)
	}
	return c, true, nil
}
