package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxFaults bounds a report; it says that there are more.
const maxFaults = 20

// Proof is what a log is held against.
type Proof struct {
	Public string // the public key that has signed it
	Seen   string // path of the checkpoint seen last; need not be there
	Others []Kept // checkpoints that somebody has kept
}

// Kept is a checkpoint that somebody has kept in a file.
type Kept struct {
	Name string
	Data []byte
}

func (k Kept) open(public string) (checkpoint, error) {
	c, err := openCheckpoint(k.Data, public)
	if err != nil {
		return c, fmt.Errorf("%s: %w", k.Name, err)
	}
	return c, nil
}

// CheckPublic returns an error unless public is the public key of a log.
func CheckPublic(public string) error {
	if _, err := note.NewVerifier(public); err != nil {
		return fmt.Errorf("not a public key of an audit log: %w", err)
	}
	return nil
}

// Report is the outcome of [Verify].
type Report struct {
	Origin     string
	Size       int64
	Root       string
	Checkpoint string
	LastAfter  string   // the SHA-256 of the registry that the last entry tells
	Faults     []string // empty: the log is whole
}

func (r *Report) fault(format string, args ...any) {
	switch {
	case len(r.Faults) < maxFaults:
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	case len(r.Faults) == maxFaults:
		r.Faults = append(r.Faults, "and more")
	}
}

// Verify looks at every byte of a log and reports whatever is not as it was
// written. It calls each, if not nil, for every entry that can be read.
func Verify(ctx context.Context, s Storage, p Proof, each func(*Entry)) (*Report, error) {
	if err := CheckPublic(p.Public); err != nil {
		return nil, err
	}
	r := &Report{}
	data, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := s.AllHashes(ctx)
	if err != nil {
		return nil, err
	}
	var hashes hashList
	size := int64(0)
	cut := int64(-1)  // the entry that has no end
	shift := int64(0) // entries that are missing so far
	err = s.Entries(ctx, func(text []byte) error {
		added, err := tlog.StoredHashes(size, text, hashes)
		if err != nil {
			return err
		}
		hashes = append(hashes, added...)
		if bytes.HasSuffix(text, noLineBreak) {
			cut = size + shift
		}
		e := r.entry(size+shift, text, each)
		if e != nil && e.Seq > size+shift && e.Seq < int64(len(stored)) && isLeaf(stored, e.Seq, added[0]) {
			r.fault("%s missing, before the one of %s", span(size+shift, e.Seq), e.Time.Format(time.RFC3339))
			shift = e.Seq - size
		}
		if !isLeaf(stored, size+shift, added[0]) && tlog.StoredHashIndex(0, size+shift) < int64(len(stored)) {
			r.fault("entry %d is not what was written", size+shift)
		}
		if e != nil && e.Seq != size+shift {
			r.fault("entry %d says that it is entry %d", size+shift, e.Seq)
		}
		size++
		return nil
	})
	if err != nil {
		return nil, err
	}
	if data == nil && size == 0 && len(stored) == 0 {
		return r, r.missing(p)
	}
	// What is missing comes first: the rest follows from it.
	later := r.Faults
	r.Faults = nil
	r.absent(s, found{checkpoint: data != nil, entries: size, hashes: len(stored), cut: cut})
	if size > 0 && len(stored) > 0 {
		r.compareHashes(stored, hashes, size)
	}
	for _, text := range later {
		r.fault("%s", text)
	}
	if data == nil {
		return r, nil
	}
	c, err := openCheckpoint(data, p.Public)
	if err != nil {
		r.fault("%v", err)
		return r, nil
	}
	r.Origin, r.Size, r.Root, r.Checkpoint = c.origin, c.N, c.Hash.String(), string(data)
	switch {
	case size+shift < c.N:
		r.fault("there are %d entries, and the checkpoint is of %d: %s missing", size, c.N, span(size+shift, c.N))
	case size > c.N:
		r.fault("there are %d entries, and the checkpoint is of %d: %s not signed", size, c.N, span(c.N, size))
	}
	if size < c.N {
		return r, nil
	}
	root, err := tlog.TreeHash(c.N, hashes)
	if err != nil {
		return nil, err
	}
	if root != c.Hash {
		r.fault("the entries are not those of the checkpoint")
	}
	return r, r.compareSeen(c, hashes, p)
}

// entry reads an entry. It returns nil if that cannot be read.
func (r *Report) entry(n int64, text []byte, each func(*Entry)) *Entry {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		r.fault("entry %d cannot be read", n)
		return nil
	}
	r.LastAfter = e.After
	if each != nil {
		each(&e)
	}
	return &e
}

// isLeaf tells whether hash is the stored one of entry n.
func isLeaf(stored []tlog.Hash, n int64, hash tlog.Hash) bool {
	i := tlog.StoredHashIndex(0, n)
	return i < int64(len(stored)) && stored[i] == hash
}

func (r *Report) compareHashes(stored, want []tlog.Hash, entries int64) {
	if len(stored) != len(want) {
		r.fault("there are %d stored hashes, and the %d entries have %d", len(stored), entries, len(want))
		return
	}
	for n := range want {
		if stored[n] != want[n] {
			r.fault("the stored hashes are not those of the entries")
			return
		}
	}
}

// missing reports that there is no log where there was one.
func (r *Report) missing(p Proof) error {
	if p.Seen != "" {
		earlier, ok, err := readSeen(p.Seen, p.Public)
		switch {
		case err != nil:
			return err
		case ok:
			r.fault("the log is gone, and had %d entries when seen before: %s missing", earlier.N, span(0, earlier.N))
		}
	}
	if len(p.Others) > 0 {
		r.fault("the log is gone, and there is a checkpoint of it")
	}
	return nil
}

func (r *Report) compareSeen(c checkpoint, hashes tlog.HashReader, p Proof) error {
	if p.Seen != "" {
		earlier, ok, err := readSeen(p.Seen, p.Public)
		if err != nil {
			r.fault("%v", err)
		} else if ok {
			if err := c.follows(earlier, hashes); err != nil {
				r.fault("%v", err)
			}
		}
	}
	for _, kept := range p.Others {
		earlier, err := kept.open(p.Public)
		if err != nil {
			return err
		}
		if err := c.follows(earlier, hashes); err != nil {
			r.fault("%v", err)
		}
	}
	return nil
}

// hashList is hashes in the order of their indexes.
type hashList []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (l hashList) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		if i < 0 || i >= int64(len(l)) {
			return nil, errNoHash
		}
		out[n] = l[i]
	}
	return out, nil
}

var errNoHash = errors.New("a hash is missing")
