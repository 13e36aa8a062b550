// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package folder reads folders that may hold very many files, at a bounded cost.
package folder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	// MaxNames bounds the names that are read of one folder.
	MaxNames = 200_000
	// readSize is how many names are read at once.
	readSize = 1024
	// idleShare bounds the share of time that goes into work whose size others decide: after
	// it, there is a pause of idleShare times as long.
	idleShare = 10
	// quick is the duration of work that needs no pause.
	quick = 20 * time.Millisecond
)

// Each calls f for everything in a folder, in no order, until it returns false.
func Each(dir string, f func(os.DirEntry) bool) error {
	folder, err := os.OpenFile(dir, openFlags, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	for {
		entries, err := folder.ReadDir(readSize)
		for _, e := range entries {
			if !f(e) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Glob returns files that a pattern matches, no more than limit of one folder.
func Glob(pattern string, limit int) ([]string, error) {
	dir, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	dir = filepath.FromSlash(dir)
	if _, err := os.Stat(dir + string(filepath.Separator) + "."); err != nil { // it may be a pipe
		return nil, nil //nolint:nilerr // the caller reports that nothing was found
	}
	if strings.Contains(rest, "/") || !strings.ContainsAny(rest, "*?[{") {
		return doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly())
	}
	var found []string
	_ = Each(dir, func(e os.DirEntry) bool {
		if ok, err := doublestar.Match(rest, e.Name()); !ok || err != nil || e.IsDir() {
			return true
		}
		path := filepath.Join(dir, e.Name())
		if e.Type()&os.ModeSymlink != 0 {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				return true
			}
		}
		found = append(found, path)
		return len(found) < limit
	})
	return found, nil
}

// RepeatAfter returns when work that began at a time, and ends now, may be repeated, so that
// it takes a bounded share of the time. It returns zero for quick work.
func RepeatAfter(began time.Time) time.Time {
	took := time.Since(began)
	if took < quick {
		return time.Time{}
	}
	return began.Add(took * (1 + idleShare))
}
