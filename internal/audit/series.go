package audit

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
	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

// seriesParts is over how many parts the bytes of a series spread.
const seriesParts = 8

// ErrInUse is returned for a series that another program writes.
var ErrInUse = errors.New("another program writes this audit log")

// SeriesSettings say where a series is and who writes it.
type SeriesSettings struct {
	Path     string // its folder, which is made
	Key      string // path of the key file, which is made with the first part
	MaxBytes int64
	Actor    string
	User     string
	Now      func() time.Time
}

// Series is a log with a bound: parts that are logs of their own, each in a
// folder, of which the oldest make room. The first entry of a part tells the
// last checkpoint of the part before and which parts have made room, so that
// [VerifySeries] finds a part that is missing for another reason.
//
// It is for programs that must go on. Whatever an interrupted Append has left is
// cut off. A part that somebody has damaged stays as it is, as evidence, and a
// new one begins, which says so. It is not safe for concurrent use.
type Series struct {
	set  SeriesSettings
	key  *Key
	lock *flock.Flock

	id      string     // names all parts
	part    int64      // the newest; 0: there is none
	dir     *Dir       // of the newest; nil: the next entry begins a part
	head    checkpoint // of the newest
	note    []byte     // head as it is signed
	length  int64      // bytes of the newest's entries
	removed int64      // parts up to this one have made room
	damaged string     // why the newest is not continued

	dirty  bool // an Append failed and may have left something
	unseen bool // note is not remembered beside the key yet
}

// OpenSeries returns the series at set.Path for writing. One program at a time
// can have it open.
func OpenSeries(ctx context.Context, set SeriesSettings) (_ *Series, err error) {
	if err := os.MkdirAll(set.Path, 0o700); err != nil {
		return nil, err
	}
	s := &Series{set: set, lock: flock.New(filepath.Join(set.Path, seriesLock), flock.SetPermissions(0o600))}
	switch ok, err := s.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking the audit log: %w", err)
	case !ok:
		return nil, fmt.Errorf("%w: %s is locked", ErrInUse, s.lock.Path())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Unlock())
		}
	}()
	parts, err := listParts(set.Path)
	if err != nil {
		return nil, err
	}
	if s.key, err = seriesKey(set.Key, len(parts) == 0); err != nil {
		return nil, err
	}
	return s, s.resume(ctx, parts)
}

// seriesKey makes the key if there is nothing yet that another has signed.
func seriesKey(path string, isNew bool) (*Key, error) {
	key, err := ReadKey(path)
	if _, seenErr := os.Stat(SeriesSeen(path)); errors.Is(err, ErrNoKey) && isNew && errors.Is(seenErr, fs.ErrNotExist) {
		return CreateKey(path)
	}
	return key, err
}

// Public returns the text by which the series is verified.
func (s *Series) Public() string { return s.key.Public() }

// Damaged returns why a new part begins with the next entry although the newest
// has room, or nothing.
func (s *Series) Damaged() string { return s.damaged }

// Close lets others open the series.
func (s *Series) Close() error { return errors.Join(s.settle(), s.lock.Unlock()) }

// resume finds where the series goes on.
func (s *Series) resume(ctx context.Context, parts []int64) error {
	seen, wasSeen, err := readSeen(SeriesSeen(s.set.Key), s.key.public)
	if err != nil {
		return err
	}
	var seenPart int64
	if wasSeen {
		if s.id, seenPart, err = splitOrigin(seen.origin); err != nil {
			return err
		}
	}
	if n := len(parts); n > 0 && parts[n-1] > seenPart {
		dir := NewDir(partPath(s.set.Path, parts[n-1]))
		begun, err := dir.onlyBegun(ctx)
		if err != nil {
			return err
		}
		if begun {
			if err := os.RemoveAll(dir.path); err != nil {
				return err
			}
			parts = parts[:n-1]
		}
	}
	if len(parts) > 0 {
		s.part = parts[len(parts)-1]
	}
	switch err := s.resumePart(ctx, seen, seenPart); {
	case errors.Is(err, ErrDamaged):
		// What to do about it is said to tenantctl's users: a series goes on.
		s.dir, s.damaged = nil, strings.TrimPrefix(err.Error(), ErrDamaged.Error()+": ")
		s.part = max(s.part, seenPart)
	case err != nil:
		return err
	}
	if s.id == "" {
		s.id = newOrigin()
	}
	return s.removeParts(parts)
}

// resumePart continues the newest part, or returns ErrDamaged.
func (s *Series) resumePart(ctx context.Context, seen checkpoint, seenPart int64) error {
	if s.part < seenPart {
		return fmt.Errorf("%w: part %d is gone, and had %d entries when seen before", ErrDamaged, seenPart, seen.N)
	}
	if s.part == 0 {
		return nil // the first start of all
	}
	dir := NewDir(partPath(s.set.Path, s.part))
	data, err := dir.Checkpoint(ctx)
	if err != nil {
		return err
	}
	c, err := openCheckpoint(data, s.key.public)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	id, part, err := splitOrigin(c.origin)
	if err != nil || part != s.part || s.id != "" && id != s.id {
		return fmt.Errorf("%w: the checkpoint of part %d is another one's", ErrDamaged, s.part)
	}
	s.id, s.note = id, data
	if part == seenPart {
		if err := c.follows(seen, hashReader(ctx, dir)); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if _, err := readEdge(ctx, dir, c); err != nil {
		return err
	}
	first, length, err := dir.measure(ctx, c.N)
	if err != nil {
		return err
	}
	if first == nil || first.Begins == nil || first.Begins.Part != part {
		return fmt.Errorf("%w: part %d does not have the %d entries of its checkpoint", ErrDamaged, part, c.N)
	}
	s.dir, s.head, s.length, s.removed = dir, c, length, first.Begins.Removed
	s.dirty, s.unseen = true, c != seen
	return nil
}

// Append adds entries, all or none, and when it returns nil they are on disk. It
// returns ErrDamaged if somebody else has changed the newest part meanwhile: who
// closes and opens the series then goes on in a new part.
func (s *Series) Append(ctx context.Context, entries ...*Entry) error {
	if err := s.settle(); err != nil {
		return err
	}
	if s.dir == nil || s.full(entries) {
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	if err := s.add(ctx, entries...); err != nil {
		return err
	}
	// The entries are there: what cannot be remembered now is tried again, and
	// reported, by the next Append or by Close.
	_ = s.settle()
	return nil
}

// settle completes what an earlier Append could not.
func (s *Series) settle() error {
	if s.dirty {
		// The checkpoint may be there although writing it failed.
		err := atomicfile.Write(s.dir.checkpoint(), s.note)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is gone", ErrDamaged, s.dir.path)
		}
		if err != nil {
			return err
		}
		if err := s.dir.cut(s.head.N, s.length); err != nil {
			return err
		}
		s.dirty = false
	}
	if s.unseen {
		if err := (&Log{seen: SeriesSeen(s.set.Key)}).Committed(s.note); err != nil {
			return err
		}
		s.unseen = false
	}
	return nil
}

func (s *Series) partBytes() int64 { return s.set.MaxBytes / seriesParts }

// full tells whether entries belong to a new part. One with nothing but its
// first entry takes whatever comes.
func (s *Series) full(entries []*Entry) bool {
	size := s.length + tlog.StoredHashCount(s.head.N+int64(len(entries)))*tlog.HashSize
	for _, e := range entries {
		if text, err := e.encode(); err == nil {
			size += int64(len(text)) + 16 // its number is not known yet
		}
	}
	return s.head.N > 1 && size > s.partBytes()
}

// begin makes a new part the newest one, and then lets the oldest go.
func (s *Series) begin(ctx context.Context) error {
	parts, err := listParts(s.set.Path)
	if err != nil {
		return err
	}
	removed, err := s.makeRoom(parts)
	if err != nil {
		return err
	}
	was := *s
	s.part++
	s.dir, s.damaged = NewDir(partPath(s.set.Path, s.part)), ""
	s.head, s.length = checkpoint{origin: partOrigin(s.id, s.part)}, 0
	e := s.entry("log begin")
	e.Begins = &Begins{Part: s.part, After: string(was.note), Removed: removed, Damaged: was.damaged}
	if err := s.add(ctx, e); err != nil {
		err = errors.Join(err, os.RemoveAll(s.dir.path))
		*s = was
		return err
	}
	// From here on the part is there, whatever happens to the old ones.
	s.removed = removed
	return errors.Join(syncFolder(s.set.Path), s.removeParts(parts))
}

// entry returns an entry that the writer of the series makes.
func (s *Series) entry(action string) *Entry {
	return &Entry{Time: s.set.Now().UTC().Truncate(time.Millisecond), Actor: s.set.Actor, User: s.set.User, Action: action}
}

// makeRoom returns up to which part all must go so that another fits.
func (s *Series) makeRoom(parts []int64) (removed int64, err error) {
	sizes, total := make([]int64, len(parts)), s.partBytes()
	for n, part := range parts {
		if sizes[n], err = folderSize(partPath(s.set.Path, part)); err != nil {
			return 0, err
		}
		total += sizes[n]
	}
	removed = s.removed
	for n, part := range parts {
		if part >= s.part || total <= s.set.MaxBytes && part > removed {
			break
		}
		removed = max(removed, part)
		total -= sizes[n]
	}
	return removed, nil
}

// removeParts deletes those of parts that have made room.
func (s *Series) removeParts(parts []int64) error {
	for _, part := range parts {
		if part > s.removed {
			return nil
		}
		if err := os.RemoveAll(partPath(s.set.Path, part)); err != nil {
			return err
		}
	}
	return nil
}

// add appends to the newest part.
func (s *Series) add(ctx context.Context, entries ...*Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := s.dir.holds(s.head.N, s.length); err != nil {
		return err
	}
	a, after, err := extend(ctx, s.dir, s.key, s.head, entries...)
	if err != nil {
		return err
	}
	s.dirty = true
	if err := s.dir.Append(ctx, a); err != nil {
		return err
	}
	s.dirty, s.unseen = false, true
	s.head, s.note = after, a.Checkpoint
	for _, text := range a.Texts {
		s.length += int64(len(text)) + 1
	}
	return nil
}
