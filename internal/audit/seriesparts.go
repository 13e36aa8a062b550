package audit

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
)

// seriesLock is the file in a series by which gateways keep off each other.
const seriesLock = ".lock"

// partOrigin returns the name of a part of the series id.
func partOrigin(id string, part int64) string { return fmt.Sprintf("%s/%d", id, part) }

// splitOrigin is the inverse of partOrigin.
func splitOrigin(origin string) (id string, part int64, err error) {
	at := strings.LastIndexByte(origin, '/')
	if at > len(originPrefix) {
		if part, err = strconv.ParseInt(origin[at+1:], 10, 64); err == nil && part > 0 {
			return origin[:at], part, nil
		}
	}
	return "", 0, fmt.Errorf("%s is not the log of a gateway", origin)
}

func partPath(path string, part int64) string { return filepath.Join(path, fmt.Sprintf("%08d", part)) }

// listParts returns the numbers of the parts in the folder at path in their
// order. What has no such name is not part of the log.
func listParts(path string) ([]int64, error) {
	items, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var parts []int64
	for _, item := range items {
		part, err := strconv.ParseInt(item.Name(), 10, 64)
		if err == nil && part > 0 && filepath.Base(partPath(path, part)) == item.Name() {
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	return parts, nil
}

// CheckSeries returns an error if the folder at path has other files than those
// of a series. One that is empty or gone can be what is left of one.
func CheckSeries(path string) error {
	items, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	parts, err := listParts(path)
	if err != nil || len(parts) > 0 || len(items) == 0 {
		return err
	}
	for _, item := range items {
		if item.Name() == seriesLock {
			return nil
		}
	}
	return fmt.Errorf("%s is not the audit log of a gateway", path)
}

// folderSize returns the bytes of the files in a folder.
func folderSize(path string) (size int64, err error) {
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

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

var errEnough = errors.New("enough")

// measure returns the first entry and the bytes of the first size entries. It
// returns no entry unless there are that many.
func (d *Dir) measure(ctx context.Context, size int64) (first *Entry, length int64, err error) {
	n := int64(0)
	err = d.Entries(ctx, func(text []byte) error {
		if n == size {
			return errEnough
		}
		if n == 0 {
			first = &Entry{}
			if json.Unmarshal(text, first) != nil {
				first = nil
				return errEnough
			}
		}
		n++
		length += int64(len(text)) + 1
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if n < size {
		first = nil
	}
	info, statErr := os.Stat(d.hashes())
	if err == nil && statErr == nil && info.Size() < tlog.StoredHashCount(size)*tlog.HashSize {
		first = nil
	}
	return first, length, err
}

// onlyBegun tells whether the part is what a crash leaves while it is made: it
// has no checkpoint and at most its first entry.
func (d *Dir) onlyBegun(ctx context.Context) (bool, error) {
	if data, err := d.Checkpoint(ctx); err != nil || data != nil {
		return false, err
	}
	n := 0
	err := d.Entries(ctx, func([]byte) error { n++; return nil })
	return n <= 1, err
}

// settled shows of a part only what its checkpoint is of. After a crash, and
// while the part is written, more may be there that does not count yet.
type settled struct {
	*Dir
	note []byte
	size int64
	more bool // there was more
}

var _ Storage = (*settled)(nil)

// newSettled returns the part in dir as it is now.
func newSettled(ctx context.Context, dir *Dir) (*settled, error) {
	note, err := dir.Checkpoint(ctx)
	s := &settled{Dir: dir, note: note}
	if lines := strings.SplitN(string(note), "\n", 3); len(lines) == 3 {
		// Nothing depends on whether this is true: if it is not, the signature
		// or the entries do not fit.
		s.size, _ = strconv.ParseInt(lines[1], 10, 64)
	}
	return s, err
}

// Checkpoint implements Storage.
func (s *settled) Checkpoint(context.Context) ([]byte, error) { return s.note, nil }

// AllHashes implements Storage.
func (s *settled) AllHashes(ctx context.Context) ([]tlog.Hash, error) {
	all, err := s.Dir.AllHashes(ctx)
	if want := s.hashCount(); int64(len(all)) > want {
		all, s.more = all[:want], true
	}
	return all, err
}

func (s *settled) hashCount() int64 {
	if s.size < 1 || s.size > 1<<40 {
		return 0
	}
	return tlog.StoredHashCount(s.size)
}

// Entries implements Storage.
func (s *settled) Entries(ctx context.Context, each func(text []byte) error) error {
	n := int64(0)
	err := s.Dir.Entries(ctx, func(text []byte) error {
		if n++; n > s.size {
			s.more = true
			return errEnough
		}
		return each(text)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
