package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

// SeriesReport is the outcome of [VerifySeries].
type SeriesReport struct {
	First, Last int64 // the parts that count; 0: there is none
	Entries     int64
	Root        string // of the newest part
	Checkpoint  string // of the newest part
	Faults      []string
	Warnings    []string
}

func (r *SeriesReport) fault(format string, args ...any) {
	bounded := Report{Faults: r.Faults}
	bounded.fault(format, args...)
	r.Faults = bounded.Faults
}

func (r *SeriesReport) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// maxLooks bounds how often a series is looked at that never looks the same.
const maxLooks = 10

// VerifySeries looks at every byte of the series in the folder at path and
// reports whatever is not as it was written. It may be written meanwhile.
func VerifySeries(ctx context.Context, path string, p Proof) (*SeriesReport, error) {
	if err := CheckPublic(p.Public); err != nil {
		return nil, err
	}
	var last *SeriesReport
	for look := 1; ; look++ {
		before, r, err := verifySeries(ctx, path, p)
		if err != nil {
			return nil, err
		}
		after, err := listParts(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return r, nil
		case err != nil:
			return nil, err
		case len(r.Faults) == 0 || ctx.Err() != nil:
			return r, ctx.Err()
		case last != nil && slices.Equal(before, after) && slices.Equal(last.Faults, r.Faults), look == maxLooks:
			return r, nil
		}
		// A part that comes or goes meanwhile, file by file, looks like a fault.
		// What is one is still there a moment later.
		last = r
		time.Sleep(time.Duration(look) * 10 * time.Millisecond)
	}
}

func verifySeries(ctx context.Context, path string, p Proof) ([]int64, *SeriesReport, error) {
	// What was seen comes first, since the log may grow meanwhile.
	r := &SeriesReport{}
	kept := make([]checkpoint, 0, len(p.Others)+1)
	for _, other := range p.Others {
		c, err := other.open(p.Public)
		if err != nil {
			return nil, nil, err
		}
		kept = append(kept, c)
	}
	if p.Seen != "" {
		switch c, ok, err := readSeen(p.Seen, p.Public); {
		case err != nil:
			r.fault("%v", err)
		case ok:
			kept = append(kept, c)
		}
	}
	parts, err := listParts(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	v := &seriesVerifier{SeriesReport: r, path: path, public: p.Public}
	if err := v.verifyParts(ctx, parts); err != nil {
		return nil, nil, err
	}
	v.compareParts()
	for _, c := range kept {
		v.compareKept(ctx, c)
	}
	return parts, r, nil
}

// seriesVerifier is one look at a series.
type seriesVerifier struct {
	*SeriesReport
	path, public string
	checked      []checkedPart // those that count, in their order
	removed      int64         // parts up to this one have made room
}

// checkedPart is a part that Verify has looked at.
type checkedPart struct {
	number int64
	report *Report
	begins *Begins
}

func (v *seriesVerifier) verifyParts(ctx context.Context, parts []int64) error {
	// The newest part says which of the others still count.
	for at, number := range slices.Backward(parts) {
		part, err := v.verifyPart(ctx, number, at == len(parts)-1)
		if err != nil {
			return err
		}
		if part == nil {
			continue
		}
		v.checked = append(v.checked, *part)
		if part.begins == nil || part.begins.Removed == 0 {
			continue
		}
		v.removed = part.begins.Removed
		if at > 0 && parts[0] <= v.removed {
			v.warn("part %d has made room and is still there", parts[0])
		}
		return v.verifyRest(ctx, parts[:at])
	}
	slices.Reverse(v.checked)
	return nil
}

// verifyRest looks at the older parts that have not made room.
func (v *seriesVerifier) verifyRest(ctx context.Context, parts []int64) error {
	for _, number := range slices.Backward(parts) {
		if number <= v.removed {
			break
		}
		part, err := v.verifyPart(ctx, number, false)
		if err != nil {
			return err
		}
		v.checked = append(v.checked, *part)
	}
	slices.Reverse(v.checked)
	return nil
}

// verifyPart returns nil for a newest part that has only begun.
func (v *seriesVerifier) verifyPart(ctx context.Context, number int64, newest bool) (*checkedPart, error) {
	part := &checkedPart{number: number}
	dir := NewDir(partPath(v.path, number))
	var storage Storage = dir
	var now *settled
	if newest {
		// In this order: it may get its first checkpoint between the two looks.
		begun, err := dir.onlyBegun(ctx)
		if err != nil {
			return nil, err
		}
		if begun {
			v.warn("part %d was about to begin", number)
			return nil, nil
		}
		if now, err = newSettled(ctx, dir); err != nil {
			return nil, err
		}
		storage = now
	}
	r, err := Verify(ctx, storage, Proof{Public: v.public}, func(e *Entry) {
		if e.Seq == 0 && part.begins == nil {
			part.begins = e.Begins
		}
	})
	if err != nil {
		return nil, err
	}
	part.report = r
	for _, text := range r.Faults {
		v.fault("part %d: %s", number, text)
	}
	if now != nil && now.more {
		v.warn("part %d has more than its checkpoint is of: an entry is being written, or a crash interrupted it", number)
	}
	_, named, err := splitOrigin(r.Origin)
	switch {
	case len(r.Faults) > 0:
		part.begins = nil // not proven
	case r.Size == 0:
		v.fault("part %d is empty", number)
	case err != nil || named != number:
		v.fault("part %d: its checkpoint is of %s", number, r.Origin)
	case part.begins == nil || part.begins.Part != number:
		v.fault("part %d: its first entry does not say that it begins", number)
		part.begins = nil
	}
	return part, nil
}

// compareParts finds parts that are missing or were put in another's place.
func (v *seriesVerifier) compareParts() {
	previous := checkedPart{number: v.removed}
	for n, part := range v.checked {
		for missing := previous.number + 1; missing < part.number; missing++ {
			v.fault("part %d is missing", missing)
			if missing-previous.number >= maxFaults {
				break
			}
		}
		v.Entries += part.report.Size
		if b := part.begins; b != nil {
			switch {
			case b.Damaged != "":
				v.fault("part %d was begun because the one before could not be continued: %s", part.number, b.Damaged)
			case n > 0 && previous.number == part.number-1 && previous.report.Checkpoint != b.After:
				v.fault("part %d does not follow part %d as it is now", part.number, previous.number)
			case part.number > 1 && b.After == "":
				v.fault("part %d does not say what it follows", part.number)
			}
		}
		previous = part
	}
	if len(v.checked) > 0 {
		v.First, v.Last = v.checked[0].number, previous.number
		v.Root, v.Checkpoint = previous.report.Root, previous.report.Checkpoint
	}
}

// compareKept holds the series against a checkpoint that it once had.
func (v *seriesVerifier) compareKept(ctx context.Context, earlier checkpoint) {
	id, number, err := splitOrigin(earlier.origin)
	if err != nil {
		v.fault("a checkpoint seen before is of another log: %v", err)
		return
	}
	if len(v.checked) == 0 {
		v.fault("the log is gone; its part %d had %d entries when seen before", number, earlier.N)
		return
	}
	if last := v.checked[len(v.checked)-1]; number > last.number {
		v.fault("part %d is gone, and had %d entries when seen before", number, earlier.N)
		return
	}
	for _, part := range v.checked {
		if part.number != number || len(part.report.Faults) > 0 {
			continue
		}
		now := checkpoint{origin: part.report.Origin}
		now.N = part.report.Size
		if err := now.follows(earlier, hashReader(ctx, NewDir(partPath(v.path, number)))); err != nil {
			v.fault("part %d: %v", number, err)
		}
		return
	}
	if number <= v.removed {
		v.warn("the checkpoint of part %d cannot be compared, that part has made room", number)
		if newest := v.checked[len(v.checked)-1].report; newest.Origin != "" && !ofSeries(newest.Origin, id) {
			v.fault("it is another log than the one seen before, %s", id)
		}
	}
}

func ofSeries(origin, id string) bool {
	got, _, err := splitOrigin(origin)
	return err == nil && got == id
}

// SeriesEntries calls each for the entries of all parts, oldest first. They are
// not verified.
func SeriesEntries(ctx context.Context, path string, each func(part int64, e *Entry) error) error {
	parts, err := listParts(path)
	if err != nil {
		return err
	}
	for _, part := range parts {
		now, err := newSettled(ctx, NewDir(partPath(path, part)))
		if err != nil {
			return err
		}
		n := int64(0)
		err = now.Entries(ctx, func(text []byte) error {
			e := &Entry{}
			if err := json.Unmarshal(text, e); err != nil {
				return fmt.Errorf("entry %d of part %d cannot be read, run \"tenantctl audit verify\"", n, part)
			}
			n++
			return each(part, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SeriesSeen returns the path of the checkpoint that was seen last of a series
// with the key file at path key.
func SeriesSeen(key string) string { return key + ".seen" }

// SeriesKey returns the path of the key file of the series in the folder at path,
// unless its writer is told another.
func SeriesKey(path string) string { return filepath.Clean(path) + ".key" }
