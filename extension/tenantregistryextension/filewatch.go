// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// maxLinks bounds the number of symbolic links on a path, as the kernel does.
	maxLinks = 40

	// rewatch is the interval at which the set of folders is updated, for folders
	// that did not exist and links whose change was missed.
	rewatch = time.Second
)

// watch implements store. It watches the folders of the file and of every link on
// its path, because the watch of a file ends when the file is replaced.
func (f *fileStore) watch(ctx context.Context, wake func()) (err error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	tick := time.NewTicker(rewatch)
	defer tick.Stop()
	on := trail(f.path)
	follow(w, on)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case ev, ok := <-w.Events:
			if !ok {
				return errors.New("the watch has ended")
			}
			if !slices.Contains(on, ev.Name) || ev.Op == fsnotify.Chmod {
				continue
			}
			f.dirty.Store(true)
			wake()
		case err, ok := <-w.Errors:
			if !ok {
				return errors.New("the watch has ended")
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				f.dirty.Store(true)
				wake()
			}
		}
		on = trail(f.path)
		follow(w, on)
	}
}

// follow makes w watch the folders of the paths and no others. It retries a folder
// that cannot be watched at the next call; polling finds changes until then.
func follow(w *fsnotify.Watcher, on []string) {
	var dirs []string
	for _, p := range on {
		dirs = append(dirs, filepath.Dir(p))
	}
	watched := w.WatchList()
	for _, dir := range watched {
		if !slices.Contains(dirs, dir) {
			_ = w.Remove(dir) // the folder may not exist any more
		}
	}
	for _, dir := range dirs {
		if !slices.Contains(watched, dir) {
			_ = w.Add(dir)
		}
	}
}

// trail returns every symbolic link on path and the file at its end, each as a path
// without links.
func trail(path string) []string {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	var on []string
	links := 0
	at := string(filepath.Separator)
	rest := strings.Split(strings.Trim(path, at), at)
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		to, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		on = append(on, next)
		if links++; links > maxLinks {
			return on
		}
		if filepath.IsAbs(to) {
			at = string(filepath.Separator)
		}
		rest = append(strings.Split(to, string(filepath.Separator)), rest...)
	}
	return append(on, at)
}
