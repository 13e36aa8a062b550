// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

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
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// maxSegments is the number of segments that fit into the limit of a log.
const maxSegments = 8

// lockFile prevents two gateways from writing the same log.
const lockFile = ".lock"

// ErrInUse is returned by [Open] for a log that another process writes.
var ErrInUse = errors.New("another process writes this audit log")

// Settings configures a log and its writer.
type Settings struct {
	Directory string // created if it does not exist
	KeyFile   string // created with the first segment
	MaxBytes  int64  // size limit of the log
	Actor     string // of the entries that start segments
	User      string
	Now       func() time.Time
}

// Log is a log with a size limit. It is for programs that must keep running:
//
//   - What an interrupted Append left is truncated.
//   - A damaged segment remains unchanged as evidence. The next entry starts a new
//     segment, whose first entry says why.
//
// A Log is not safe for concurrent use.
type Log struct {
	set  Settings
	key  *audit.Key
	lock *flock.Flock

	id     string // origin that all segments share
	number int64  // of the current segment; 0: none exists
	pruned int64  // segments up to this number were pruned
	damage string // why the current segment is not continued

	dir        *audit.Dir       // current segment; nil: the next entry starts one
	checkpoint audit.Checkpoint // of the current segment
	note       []byte           // signed form of checkpoint
	length     int64            // bytes of the entries of the current segment

	dirty    bool // an Append failed and may have left data after the checkpoint
	unstored bool // note is not yet stored as the last known checkpoint
}

// Open opens a log for writing. Only one process at a time can have it open.
func Open(ctx context.Context, set Settings) (_ *Log, err error) {
	if err := os.MkdirAll(set.Directory, 0o700); err != nil {
		return nil, err
	}
	l := &Log{set: set, lock: flock.New(filepath.Join(set.Directory, lockFile), flock.SetPermissions(0o600))}
	switch ok, err := l.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking the audit log: %w", err)
	case !ok:
		return nil, fmt.Errorf("%w: %s is locked", ErrInUse, l.lock.Path())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.lock.Unlock())
		}
	}()
	segments, err := listSegments(set.Directory)
	if err != nil {
		return nil, err
	}
	if l.key, err = openKey(set.KeyFile, len(segments) == 0); err != nil {
		return nil, err
	}
	return l, l.resume(ctx, segments)
}

// openKey reads the key file. It creates one for a new log, unless a last known
// checkpoint shows that the log existed and was signed with another key.
func openKey(path string, isNew bool) (*audit.Key, error) {
	key, err := audit.ReadKey(path)
	if _, statErr := os.Stat(LastKnown(path)); errors.Is(err, audit.ErrNoKey) && isNew && errors.Is(statErr, fs.ErrNotExist) {
		return audit.CreateKey(path)
	}
	return key, err
}

// Public returns the public key of the log.
func (l *Log) Public() string { return l.key.Public() }

// Damage returns why the next entry starts a new segment although the current one
// has room. It is empty if the current segment is intact.
func (l *Log) Damage() string { return l.damage }

// Close completes the log and unlocks it.
func (l *Log) Close() error { return errors.Join(l.complete(), l.lock.Unlock()) }

// resume finds the segment that the next entry extends.
func (l *Log) resume(ctx context.Context, segments []int64) error {
	last, known, err := audit.ReadLastKnown(LastKnown(l.set.KeyFile), l.key.Public())
	if err != nil {
		return err
	}
	var lastNumber int64
	if known {
		if l.id, lastNumber, err = splitOrigin(last.Origin); err != nil {
			return err
		}
	}
	if n := len(segments); n > 0 && segments[n-1] > lastNumber {
		dir := openSegment(l.set.Directory, segments[n-1])
		incomplete, err := isIncomplete(ctx, dir)
		if err != nil {
			return err
		}
		if incomplete {
			if err := os.RemoveAll(dir.Path()); err != nil {
				return err
			}
			segments = segments[:n-1]
		}
	}
	if len(segments) > 0 {
		l.number = segments[len(segments)-1]
	}
	switch err := l.resumeSegment(ctx, last, lastNumber); {
	case errors.Is(err, audit.ErrDamaged):
		// The text of ErrDamaged advises users of tenantctl. A gateway continues
		// on its own.
		l.dir, l.damage = nil, strings.TrimPrefix(err.Error(), audit.ErrDamaged.Error()+": ")
		l.number = max(l.number, lastNumber)
	case err != nil:
		return err
	}
	if l.id == "" {
		l.id = audit.NewOrigin()
	}
	return l.removePruned(segments)
}

// resumeSegment makes the newest segment the current one. It returns
// audit.ErrDamaged if the segment cannot be continued.
func (l *Log) resumeSegment(ctx context.Context, last audit.Checkpoint, lastNumber int64) error {
	if l.number < lastNumber {
		return fmt.Errorf("%w: segment %d is missing; its last known checkpoint covers %d entries", audit.ErrDamaged, lastNumber, last.N)
	}
	if l.number == 0 {
		return nil // a new log
	}
	dir := openSegment(l.set.Directory, l.number)
	data, err := dir.Checkpoint(ctx)
	if err != nil {
		return err
	}
	c, err := audit.OpenCheckpoint(data, l.key.Public())
	if err != nil {
		return fmt.Errorf("%w: %w", audit.ErrDamaged, err)
	}
	id, number, err := splitOrigin(c.Origin)
	if err != nil || number != l.number || l.id != "" && id != l.id {
		return fmt.Errorf("%w: segment %d has the checkpoint of another segment", audit.ErrDamaged, l.number)
	}
	l.id, l.note = id, data
	if number == lastNumber {
		if err := c.Follows(last, audit.HashReader(ctx, dir)); err != nil {
			return fmt.Errorf("%w: %w", audit.ErrDamaged, err)
		}
	}
	if err := audit.CheckHashes(ctx, dir, c); err != nil {
		return err
	}
	first, length, err := measure(ctx, dir, c.N)
	if err != nil {
		return err
	}
	if first == nil || first.Segment == nil || first.Segment.Number != number {
		return fmt.Errorf("%w: segment %d does not have the %d entries of its checkpoint", audit.ErrDamaged, number, c.N)
	}
	l.dir, l.checkpoint, l.length, l.pruned = dir, c, length, first.Segment.Pruned
	l.dirty, l.unstored = true, c != last
	return nil
}

// Append adds either all entries or none. When it returns nil, the entries are on
// disk. It returns audit.ErrDamaged if the current segment was changed by
// something else. After the log is closed and opened again, it continues in a new
// segment.
func (l *Log) Append(ctx context.Context, entries ...*audit.Entry) error {
	if err := l.complete(); err != nil {
		return err
	}
	if l.dir == nil || l.isFull(entries) {
		if err := l.startSegment(ctx); err != nil {
			return err
		}
	}
	if err := l.append(ctx, entries...); err != nil {
		return err
	}
	// The entries are durable. If the last known checkpoint cannot be stored now,
	// the next Append or Close retries and reports the error.
	_ = l.complete()
	return nil
}

// complete finishes what an earlier Append did not.
func (l *Log) complete() error {
	if l.dirty {
		// The failed Append may have replaced the checkpoint.
		err := l.dir.WriteCheckpoint(l.note)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is missing", audit.ErrDamaged, l.dir.Path())
		}
		if err != nil {
			return err
		}
		if err := l.dir.Truncate(l.checkpoint.N, l.length); err != nil {
			return err
		}
		l.dirty = false
	}
	if l.unstored {
		if err := atomicfile.Write(LastKnown(l.set.KeyFile), l.note); err != nil {
			return err
		}
		l.unstored = false
	}
	return nil
}

func (l *Log) segmentBytes() int64 { return l.set.MaxBytes / maxSegments }

// isFull reports whether entries belong to a new segment. A segment with only its
// first entry accepts entries of any size.
func (l *Log) isFull(entries []*audit.Entry) bool {
	size := l.length + tlog.StoredHashCount(l.checkpoint.N+int64(len(entries)))*tlog.HashSize
	for _, e := range entries {
		if text, err := e.Encode(); err == nil {
			size += int64(len(text)) + 16 // its sequence number is not known yet
		}
	}
	return l.checkpoint.N > 1 && size > l.segmentBytes()
}

// startSegment makes a new segment the current one and then removes the pruned
// segments.
func (l *Log) startSegment(ctx context.Context) error {
	segments, err := listSegments(l.set.Directory)
	if err != nil {
		return err
	}
	pruned, err := l.prune(segments)
	if err != nil {
		return err
	}
	previous := *l
	l.number++
	l.dir, l.damage = openSegment(l.set.Directory, l.number), ""
	l.checkpoint, l.length = audit.Checkpoint{Origin: segmentOrigin(l.id, l.number)}, 0
	first := &audit.Entry{
		Time: l.set.Now().UTC().Truncate(time.Millisecond), Actor: l.set.Actor, User: l.set.User, Action: "log begin",
		Segment: &audit.SegmentStart{Number: l.number, Previous: string(previous.note), Pruned: pruned, Damage: previous.damage},
	}
	if err := l.append(ctx, first); err != nil {
		err = errors.Join(err, os.RemoveAll(l.dir.Path()))
		*l = previous
		return err
	}
	// The new segment is durable even if removing the old ones fails.
	l.pruned = pruned
	return errors.Join(atomicfile.SyncDir(l.set.Directory), l.removePruned(segments))
}

// prune returns the number of the newest segment to remove so that another
// segment fits into the limit.
func (l *Log) prune(segments []int64) (pruned int64, err error) {
	sizes, total := make([]int64, len(segments)), l.segmentBytes()
	for n, number := range segments {
		if sizes[n], err = dirSize(segmentPath(l.set.Directory, number)); err != nil {
			return 0, err
		}
		total += sizes[n]
	}
	pruned = l.pruned
	for n, number := range segments {
		if number >= l.number || total <= l.set.MaxBytes && number > pruned {
			break
		}
		pruned = max(pruned, number)
		total -= sizes[n]
	}
	return pruned, nil
}

// removePruned removes the directories of pruned segments.
func (l *Log) removePruned(segments []int64) error {
	for _, number := range segments {
		if number > l.pruned {
			return nil
		}
		if err := os.RemoveAll(segmentPath(l.set.Directory, number)); err != nil {
			return err
		}
	}
	return nil
}

// append adds entries to the current segment.
func (l *Log) append(ctx context.Context, entries ...*audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := l.dir.CheckSizes(l.checkpoint.N, l.length); err != nil {
		return err
	}
	a, extended, err := audit.Extend(ctx, l.dir, l.key, l.checkpoint, entries...)
	if err != nil {
		return err
	}
	l.dirty = true
	if err := l.dir.Append(ctx, a); err != nil {
		return err
	}
	l.dirty, l.unstored = false, true
	l.checkpoint, l.note = extended, a.Checkpoint
	for _, text := range a.Texts {
		l.length += int64(len(text)) + 1
	}
	return nil
}
