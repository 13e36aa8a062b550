// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// segmentOrigin returns the origin of a segment of the log id.
func segmentOrigin(id string, number int64) string { return fmt.Sprintf("%s/%d", id, number) }

// splitOrigin is the inverse of segmentOrigin.
func splitOrigin(origin string) (id string, number int64, err error) {
	at := strings.LastIndexByte(origin, '/')
	if at > len(audit.OriginPrefix) {
		if number, err = strconv.ParseInt(origin[at+1:], 10, 64); err == nil && number > 0 {
			return origin[:at], number, nil
		}
	}
	return "", 0, fmt.Errorf("%s is not the log of a gateway", origin)
}

func segmentPath(path string, number int64) string {
	return filepath.Join(path, fmt.Sprintf("%08d", number))
}

func openSegment(path string, number int64) *audit.Dir {
	return audit.NewDir(segmentPath(path, number))
}

// listSegments returns the numbers of the segments in the directory at path in
// ascending order. It ignores files with other names.
func listSegments(path string) ([]int64, error) {
	items, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var segments []int64
	for _, item := range items {
		number, err := strconv.ParseInt(item.Name(), 10, 64)
		if err == nil && number > 0 && filepath.Base(segmentPath(path, number)) == item.Name() {
			segments = append(segments, number)
		}
	}
	slices.Sort(segments)
	return segments, nil
}

// Check returns an error if the directory at path contains other files than those
// of a segmented log. It accepts a directory that is empty or missing, because the
// log in it may have been removed.
func Check(path string) error {
	items, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	segments, err := listSegments(path)
	if err != nil || len(segments) > 0 || len(items) == 0 {
		return err
	}
	for _, item := range items {
		if item.Name() == lockFile {
			return nil
		}
	}
	return fmt.Errorf("%s is not the audit log of a gateway", path)
}

// LastKnown returns the path of the last known checkpoint of a log with the given
// key file.
func LastKnown(keyFile string) string { return keyFile + ".seen" }

// DefaultKeyFile returns the path of the key file of the log in the directory at
// path, unless the writer has another one configured.
func DefaultKeyFile(path string) string { return filepath.Clean(path) + ".key" }

// dirSize returns the total size of the files in a directory.
func dirSize(path string) (size int64, err error) {
	items, err := os.ReadDir(path)
	if err != nil {
		return 0, err
	}
	for _, item := range items {
		info, err := item.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}

// errStop ends an iteration over entries.
var errStop = errors.New("stop")

// measure returns the first entry of a segment and the number of bytes of its
// first size entries. The first entry is nil if the segment has fewer entries or
// hashes.
func measure(ctx context.Context, dir *audit.Dir, size int64) (first *audit.Entry, length int64, err error) {
	n := int64(0)
	err = dir.Entries(ctx, func(text []byte) error {
		if n == size {
			return errStop
		}
		if n == 0 {
			first = &audit.Entry{}
			if json.Unmarshal(text, first) != nil {
				first = nil
				return errStop
			}
		}
		n++
		length += int64(len(text)) + 1
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, 0, err
	}
	hashes, err := dir.HashCount()
	if n < size || hashes < tlog.StoredHashCount(size) {
		first = nil
	}
	return first, length, err
}

// isIncomplete reports whether a segment is what a crash leaves when it starts: it
// has no checkpoint and at most its first entry.
func isIncomplete(ctx context.Context, dir *audit.Dir) (bool, error) {
	if data, err := dir.Checkpoint(ctx); err != nil || data != nil {
		return false, err
	}
	n := 0
	err := dir.Entries(ctx, func([]byte) error { n++; return nil })
	return n <= 1, err
}

// snapshot is a segment as of its checkpoint at one point in time. While a segment
// is written, and after a crash, its files may contain more than that.
type snapshot struct {
	*audit.Dir
	note []byte
	size int64
	more bool // the files contain more
}

var _ audit.Storage = (*snapshot)(nil)

// newSnapshot returns the current state of the segment in dir.
func newSnapshot(ctx context.Context, dir *audit.Dir) (*snapshot, error) {
	note, err := dir.Checkpoint(ctx)
	s := &snapshot{Dir: dir, note: note}
	if lines := strings.SplitN(string(note), "\n", 3); len(lines) == 3 {
		// A wrong size is harmless: either the signature or the entries do not
		// match then.
		s.size, _ = strconv.ParseInt(lines[1], 10, 64)
	}
	return s, err
}

// Checkpoint implements audit.Storage.
func (s *snapshot) Checkpoint(context.Context) ([]byte, error) { return s.note, nil }

// AllHashes implements audit.Storage.
func (s *snapshot) AllHashes(ctx context.Context) ([]tlog.Hash, error) {
	all, err := s.Dir.AllHashes(ctx)
	if n := s.hashCount(); int64(len(all)) > n {
		all, s.more = all[:n], true
	}
	return all, err
}

func (s *snapshot) hashCount() int64 {
	if s.size < 1 || s.size > 1<<40 {
		return 0
	}
	return tlog.StoredHashCount(s.size)
}

// Entries implements audit.Storage.
func (s *snapshot) Entries(ctx context.Context, each func(text []byte) error) error {
	n := int64(0)
	err := s.Dir.Entries(ctx, func(text []byte) error {
		if n++; n > s.size {
			s.more = true
			return errStop
		}
		return each(text)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}
