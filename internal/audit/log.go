// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

// Storage stores a log. It need not be safe for concurrent use: writers hold the
// lock of the registry.
type Storage interface {
	// Checkpoint returns the latest checkpoint, or nil if the log does not exist.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Hashes returns the stored hashes with the given indexes, in their order.
	Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)

	// AllHashes returns all stored hashes in the order of their indexes.
	AllHashes(ctx context.Context) ([]tlog.Hash, error)

	// Entries calls f with the text of each entry in order until f returns an
	// error.
	Entries(ctx context.Context, f func(text []byte) error) error

	// Append adds entries and their hashes and replaces the checkpoint.
	Append(ctx context.Context, a Addition) error
}

// Addition is what an append adds to a log.
type Addition struct {
	Seq        int64    // of the first entry
	Texts      [][]byte // one for each entry
	First      int64    // index of the first of Hashes
	Hashes     []tlog.Hash
	Checkpoint []byte
}

var (
	// ErrDamaged is returned for a log that cannot be continued.
	ErrDamaged = errors.New(`the audit log is damaged, see "tenantctl audit verify"; "tenantctl registry accept-restore --new-audit-log" moves it aside and starts a new one`)

	// ErrRestored is returned for an intact log that does not continue its last
	// known checkpoint.
	ErrRestored = errors.New(`the audit log does not continue its last known checkpoint, as after restoring a backup: accept it with "tenantctl registry accept-restore"; until then only "tenantctl key revoke", "tenant suspend" and "tenant delete" change the registry`)

	errNoHash = errors.New("a hash is missing")
)

// Log is the log of one registry.
type Log struct {
	storage   Storage
	key       *Key
	lastKnown string // path of the last known checkpoint
	policy    RestorePolicy
	restored  bool // the log does not continue its last known checkpoint
}

// Keys locates the key of a log and its last known checkpoint.
type Keys struct {
	Path     string // of the key file
	Registry string // distinguishes registries whose logs share a key
}

// LastKnown returns the path of the last known checkpoint.
func (k Keys) LastKnown() string { return k.Path + ".seen-" + Hash([]byte(k.Registry))[:12] }

// Open opens the log in s for writing. It creates the key file if the log does
// not exist yet.
func Open(ctx context.Context, s Storage, keys Keys) (*Log, error) {
	l := &Log{storage: s, lastKnown: keys.LastKnown()}
	data, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	l.key, err = ReadKey(keys.Path)
	if errors.Is(err, ErrNoKey) && data == nil {
		l.key, err = CreateKey(keys.Path)
		if errors.Is(err, fs.ErrExist) {
			l.key, err = ReadKey(keys.Path) // another process created it in the meantime
		}
	}
	return l, err
}

// current returns the checkpoint that the next entry extends. Its N is 0 if the
// log does not exist yet.
func (l *Log) current(ctx context.Context) (Checkpoint, error) {
	data, err := l.storage.Checkpoint(ctx)
	if err != nil {
		return Checkpoint{}, err
	}
	earlier, known, err := ReadLastKnown(l.lastKnown, l.key.public)
	if l.policy == RestoreAccepted {
		known, err = false, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	if data == nil {
		if known {
			if err := l.notContinued(fmt.Errorf("the log is missing; its last known checkpoint covers %d entries", earlier.N)); err != nil {
				return Checkpoint{}, err
			}
		}
		return Checkpoint{Origin: NewOrigin()}, nil
	}
	c, err := OpenCheckpoint(data, l.key.public)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := CheckHashes(ctx, l.storage, c); err != nil {
		return c, err
	}
	if known {
		err = c.Follows(earlier, HashReader(ctx, l.storage))
	}
	switch {
	case errors.As(err, new(notContinuedError)):
		return c, l.notContinued(err)
	case err != nil:
		return c, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return c, nil
}

// notContinued returns ErrRestored unless the policy permits the entry.
func (l *Log) notContinued(why error) error {
	if l.policy == RestoreRejected {
		return fmt.Errorf("%w (%w)", ErrRestored, why)
	}
	l.restored = true
	return nil
}

// Append adds an entry and sets its Seq. The caller calls [Log.Committed] once
// the entry is durable.
func (l *Log) Append(ctx context.Context, e *Entry) error {
	c, err := l.current(ctx)
	if err != nil {
		return err
	}
	a, _, err := Extend(ctx, l.storage, l.key, c, e)
	if err != nil {
		return err
	}
	return l.storage.Append(ctx, a)
}

// Committed stores the checkpoint as the last known one, beside the key. The last
// known checkpoint of another log remains until an operator accepts this log.
func (l *Log) Committed(checkpoint []byte) error {
	if l.restored {
		return nil
	}
	return atomicfile.Write(l.lastKnown, checkpoint)
}

// Extend returns what entries add to the log in s with the checkpoint c, and the
// checkpoint of the extended log. It sets the Seq of the entries. It returns
// ErrDamaged if the hashes in s are not those of c.
func Extend(ctx context.Context, s Storage, k *Key, c Checkpoint, entries ...*Entry) (a Addition, extended Checkpoint, err error) {
	a = Addition{Seq: c.N, First: tlog.StoredHashCount(c.N)}
	known, err := readFrontier(ctx, s, c)
	if err != nil {
		return a, c, err
	}
	for _, e := range entries {
		e.Seq = c.N
		text, err := e.Encode()
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

// CheckHashes returns ErrDamaged unless the stored hashes that the next entry
// builds on have the root hash of c.
func CheckHashes(ctx context.Context, s Storage, c Checkpoint) error {
	_, err := readFrontier(ctx, s, c)
	return err
}

// HashReader reads the stored hashes of s.
func HashReader(ctx context.Context, s Storage) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return s.Hashes(ctx, indexes) })
}

// frontier holds, by index, the hashes that new entries build on: the roots of
// the largest complete subtrees, at most one for each power of two.
type frontier map[int64]tlog.Hash

// readFrontier returns the frontier of the log in s, or ErrDamaged unless its
// root hash is that of the checkpoint. Without this check, someone with write
// access to s but without the key could edit entries and their hashes and wait
// for the next entry to sign them.
func readFrontier(ctx context.Context, s Storage, c Checkpoint) (frontier, error) {
	f := make(frontier)
	if c.N == 0 {
		return f, nil
	}
	root, err := tlog.TreeHash(c.N, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes, err := s.Hashes(ctx, indexes)
		for n, h := range hashes {
			f[indexes[n]] = h
		}
		return hashes, err
	}))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if root != c.Hash {
		return nil, fmt.Errorf("%w: its hashes are not those of the checkpoint", ErrDamaged)
	}
	return f, nil
}

// ReadHashes implements tlog.HashReader.
func (f frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		h, ok := f[i]
		if !ok {
			return nil, errNoHash
		}
		out[n] = h
	}
	return out, nil
}
