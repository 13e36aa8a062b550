// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// Report is the result of [Verify].
type Report struct {
	First, Last int64 // segments in use; 0: there are none
	Entries     int64
	Root        string // of the newest segment
	Checkpoint  string // of the newest segment
	Faults      audit.Faults
	Warnings    []string
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// maxAttempts limits how often Verify reads a log that changes all the time.
const maxAttempts = 10

// Verify reads every byte of the log in the directory at path and reports every
// difference from what was written. A gateway may write the log meanwhile.
func Verify(ctx context.Context, path string, anchors audit.Anchors) (*Report, error) {
	if err := audit.CheckPublic(anchors.Public); err != nil {
		return nil, err
	}
	var last *Report
	for attempt := 1; ; attempt++ {
		before, r, err := verifyOnce(ctx, path, anchors)
		if err != nil {
			return nil, err
		}
		after, err := listSegments(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return r, nil
		case err != nil:
			return nil, err
		case len(r.Faults) == 0 || ctx.Err() != nil:
			return r, ctx.Err()
		case last != nil && slices.Equal(before, after) && slices.Equal(last.Faults, r.Faults), attempt == maxAttempts:
			return r, nil
		}
		// A segment that is created or pruned meanwhile, file by file, looks like a
		// fault. A real fault is still there in the next attempt.
		last = r
		time.Sleep(time.Duration(attempt) * 10 * time.Millisecond)
	}
}

func verifyOnce(ctx context.Context, path string, anchors audit.Anchors) ([]int64, *Report, error) {
	// The checkpoints are read first, because the log may grow meanwhile.
	r := &Report{}
	earlier := make([]audit.Checkpoint, 0, len(anchors.Kept)+1)
	for _, kept := range anchors.Kept {
		c, err := kept.Open(anchors.Public)
		if err != nil {
			return nil, nil, err
		}
		earlier = append(earlier, c)
	}
	if anchors.LastKnown != "" {
		switch c, ok, err := audit.ReadLastKnown(anchors.LastKnown, anchors.Public); {
		case err != nil:
			r.Faults.Addf("%v", err)
		case ok:
			earlier = append(earlier, c)
		}
	}
	segments, err := listSegments(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	v := &verifier{Report: r, path: path, public: anchors.Public}
	if err := v.verifySegments(ctx, segments); err != nil {
		return nil, nil, err
	}
	v.compareSegments()
	for _, c := range earlier {
		v.compareEarlier(ctx, c)
	}
	return segments, r, nil
}

// verifier is the state of one attempt to verify a log.
type verifier struct {
	*Report
	path, public string
	verified     []verifiedSegment // segments in use, in ascending order
	pruned       int64             // segments up to this number were pruned
}

// verifiedSegment is the result of verifying one segment.
type verifiedSegment struct {
	number int64
	report *audit.Report
	start  *audit.SegmentStart // nil: not proven
}

// verifySegments verifies the segments from the newest to the oldest, because the
// newest segment says which of the others were pruned.
func (v *verifier) verifySegments(ctx context.Context, segments []int64) error {
	defer func() { slices.Reverse(v.verified) }()
	for at, number := range slices.Backward(segments) {
		if number <= v.pruned {
			return nil
		}
		segment, err := v.verifySegment(ctx, number, at == len(segments)-1)
		if err != nil {
			return err
		}
		if segment == nil {
			continue
		}
		v.verified = append(v.verified, *segment)
		if v.pruned > 0 || segment.start == nil || segment.start.Pruned == 0 {
			continue
		}
		v.pruned = segment.start.Pruned
		if at > 0 && segments[0] <= v.pruned {
			v.warn("segment %d was pruned but still exists", segments[0])
		}
	}
	return nil
}

// verifySegment returns nil for a newest segment without a checkpoint.
func (v *verifier) verifySegment(ctx context.Context, number int64, newest bool) (*verifiedSegment, error) {
	segment := &verifiedSegment{number: number}
	dir := openSegment(v.path, number)
	var storage audit.Storage = dir
	var current *snapshot
	if newest {
		// The order matters: the segment may get its first checkpoint in between.
		incomplete, err := isIncomplete(ctx, dir)
		if err != nil {
			return nil, err
		}
		if incomplete {
			v.warn("segment %d is incomplete", number)
			return nil, nil
		}
		if current, err = newSnapshot(ctx, dir); err != nil {
			return nil, err
		}
		storage = current
	}
	r, err := audit.Verify(ctx, storage, audit.Anchors{Public: v.public}, func(e *audit.Entry) {
		if e.Seq == 0 && segment.start == nil {
			segment.start = e.Segment
		}
	})
	if err != nil {
		return nil, err
	}
	segment.report = r
	for _, text := range r.Faults {
		v.Faults.Addf("segment %d: %s", number, text)
	}
	if current != nil && current.more {
		v.warn("segment %d contains more than its checkpoint covers: an entry is being written, or a crash interrupted a write", number)
	}
	_, originNumber, err := splitOrigin(r.Origin)
	switch {
	case len(r.Faults) > 0:
		segment.start = nil
	case r.Size == 0:
		v.Faults.Addf("segment %d is empty", number)
	case err != nil || originNumber != number:
		v.Faults.Addf("segment %d has the checkpoint of %s", number, r.Origin)
	case segment.start == nil || segment.start.Number != number:
		v.Faults.Addf("segment %d does not start with the entry of a new segment", number)
		segment.start = nil
	}
	return segment, nil
}

// compareSegments reports segments that are missing or in the place of another.
func (v *verifier) compareSegments() {
	previous := verifiedSegment{number: v.pruned}
	for n, segment := range v.verified {
		for missing := previous.number + 1; missing < segment.number; missing++ {
			v.Faults.Addf("segment %d is missing", missing)
			if missing-previous.number >= audit.MaxFaults {
				break
			}
		}
		v.Entries += segment.report.Size
		if start := segment.start; start != nil {
			switch {
			case start.Damage != "":
				v.Faults.Addf("segment %d was started because the previous segment could not be continued: %s", segment.number, start.Damage)
			case n > 0 && previous.number == segment.number-1 && previous.report.Checkpoint != start.Previous:
				v.Faults.Addf("segment %d does not follow the current segment %d", segment.number, previous.number)
			case segment.number > 1 && start.Previous == "":
				v.Faults.Addf("segment %d does not name the checkpoint that it follows", segment.number)
			}
		}
		previous = segment
	}
	if len(v.verified) > 0 {
		v.First, v.Last = v.verified[0].number, previous.number
		v.Root, v.Checkpoint = previous.report.Root, previous.report.Checkpoint
	}
}

// compareEarlier compares the log with an earlier checkpoint.
func (v *verifier) compareEarlier(ctx context.Context, earlier audit.Checkpoint) {
	id, number, err := splitOrigin(earlier.Origin)
	if err != nil {
		v.Faults.Addf("an earlier checkpoint is of another log: %v", err)
		return
	}
	if len(v.verified) == 0 {
		v.Faults.Addf("the log is missing; the last known checkpoint of its segment %d covers %d entries", number, earlier.N)
		return
	}
	newest := v.verified[len(v.verified)-1]
	if number > newest.number {
		v.Faults.Addf("segment %d is missing; its last known checkpoint covers %d entries", number, earlier.N)
		return
	}
	for _, segment := range v.verified {
		if segment.number != number || len(segment.report.Faults) > 0 {
			continue
		}
		current := audit.Checkpoint{Origin: segment.report.Origin}
		current.N = segment.report.Size
		if err := current.Follows(earlier, audit.HashReader(ctx, openSegment(v.path, number))); err != nil {
			v.Faults.Addf("segment %d: %v", number, err)
		}
		return
	}
	if number <= v.pruned {
		v.warn("the checkpoint of segment %d cannot be compared, because the segment was pruned", number)
		if origin := newest.report.Origin; origin != "" && !isSegmentOf(origin, id) {
			v.Faults.Addf("the log is not the one of the earlier checkpoint, %s", id)
		}
	}
}

func isSegmentOf(origin, id string) bool {
	got, _, err := splitOrigin(origin)
	return err == nil && got == id
}

// Entries calls each for the entries of all segments, oldest first. It does not
// verify them.
func Entries(ctx context.Context, path string, each func(segment int64, e *audit.Entry) error) error {
	segments, err := listSegments(path)
	if err != nil {
		return err
	}
	for _, number := range segments {
		current, err := newSnapshot(ctx, openSegment(path, number))
		if err != nil {
			return err
		}
		n := int64(0)
		err = current.Entries(ctx, func(text []byte) error {
			e := &audit.Entry{}
			if err := json.Unmarshal(text, e); err != nil {
				return fmt.Errorf("entry %d of segment %d cannot be decoded, run \"tenantctl audit verify\"", n, number)
			}
			n++
			return each(number, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
