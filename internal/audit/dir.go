// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

// Dir is a log in a directory with these files: entries.jsonl with one entry per
// line, hashes with the stored hashes of the tree in the order of their indexes,
// checkpoint and, while a change is in progress, pending.
type Dir struct{ path string }

// NewDir returns the log in the directory at path, which need not exist yet.
func NewDir(path string) *Dir { return &Dir{path} }

// Path returns the path of the directory.
func (d *Dir) Path() string { return d.path }

func (d *Dir) entriesFile() string    { return filepath.Join(d.path, "entries.jsonl") }
func (d *Dir) hashesFile() string     { return filepath.Join(d.path, "hashes") }
func (d *Dir) checkpointFile() string { return filepath.Join(d.path, "checkpoint") }
func (d *Dir) pendingFile() string    { return filepath.Join(d.path, "pending") }

// noLineBreak is appended to the text of a last entry without a line break. The
// changed text makes verification fail.
var noLineBreak = []byte("(no line break)")

// Location implements Locator.
func (d *Dir) Location(part Part) string {
	switch part {
	case PartEntries:
		return d.entriesFile()
	case PartHashes:
		return d.hashesFile()
	default:
		return d.checkpointFile()
	}
}

// readFile returns the content of a file, or nil if it does not exist.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Checkpoint implements Storage.
func (d *Dir) Checkpoint(context.Context) ([]byte, error) { return readFile(d.checkpointFile()) }

// Hashes implements Storage.
func (d *Dir) Hashes(_ context.Context, indexes []int64) (_ []tlog.Hash, err error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	f, err := os.Open(d.hashesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoHash
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		if _, err := f.ReadAt(out[n][:], i*tlog.HashSize); errors.Is(err, io.EOF) {
			return nil, errNoHash
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AllHashes implements Storage. An incomplete hash at the end counts as one.
func (d *Dir) AllHashes(context.Context) ([]tlog.Hash, error) {
	data, err := readFile(d.hashesFile())
	if err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, (len(data)+tlog.HashSize-1)/tlog.HashSize)
	for n := range out {
		copy(out[n][:], data[n*tlog.HashSize:])
	}
	if len(data)%tlog.HashSize != 0 {
		out = append(out, tlog.Hash{}) // an intact log has no such hash
	}
	return out, nil
}

// Entries implements Storage. Text after the last line break counts as an entry.
func (d *Dir) Entries(_ context.Context, each func(text []byte) error) (err error) {
	f, err := os.Open(d.entriesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		text, complete := bytes.CutSuffix(line, []byte("\n"))
		if !complete {
			text = append(text, noLineBreak...)
		}
		if err := each(text); err != nil {
			return err
		}
	}
}

// Append implements Storage. It writes the checkpoint last: what the checkpoint
// does not cover is truncated when the log is next opened.
func (d *Dir) Append(_ context.Context, a Addition) error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	var lines []byte
	for _, text := range a.Texts {
		lines = append(append(lines, text...), '\n')
	}
	if err := appendTo(d.entriesFile(), lines, -1); err != nil {
		return err
	}
	var raw []byte
	for _, h := range a.Hashes {
		raw = append(raw, h[:]...)
	}
	if err := appendTo(d.hashesFile(), raw, a.First*tlog.HashSize); err != nil {
		return err
	}
	return d.WriteCheckpoint(a.Checkpoint)
}

// WriteCheckpoint replaces the checkpoint.
func (d *Dir) WriteCheckpoint(data []byte) error {
	return atomicfile.Write(d.checkpointFile(), data)
}

// appendTo appends data to a file and syncs it. The file must have size bytes,
// unless size is negative.
func appendTo(path string, data []byte, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size >= 0 && info.Size() != size {
		return fmt.Errorf("%w: %s has %d bytes instead of %d", ErrDamaged, path, info.Size(), size)
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// length returns the number of bytes of the entries.
func (d *Dir) length() (int64, error) {
	info, err := os.Stat(d.entriesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// sizes returns the size in bytes of the files of a log whose size entries have
// length bytes.
func (d *Dir) sizes(size, length int64) map[string]int64 {
	return map[string]int64{d.entriesFile(): length, d.hashesFile(): tlog.StoredHashCount(size) * tlog.HashSize}
}

// CheckSizes returns ErrDamaged unless the files of the log have exactly the sizes
// of a log whose size entries have length bytes.
func (d *Dir) CheckSizes(size, length int64) error {
	for path, want := range d.sizes(size, length) {
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Size() == want, errors.Is(err, fs.ErrNotExist) && want == 0:
		case err == nil:
			return fmt.Errorf("%w: %s has %d bytes instead of %d", ErrDamaged, path, info.Size(), want)
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is missing", ErrDamaged, path)
		default:
			return err
		}
	}
	return nil
}

// Truncate removes what an interrupted Append left after the first size entries,
// which have length bytes.
func (d *Dir) Truncate(size, length int64) error {
	for path, want := range d.sizes(size, length) {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Size() > want {
			if err := os.Truncate(path, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveAside renames the directory, so that a new log can start.
func (d *Dir) moveAside(now time.Time) error {
	err := os.Rename(d.path, d.path+"-old-"+now.UTC().Format("20060102150405"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// HashCount returns the number of complete stored hashes.
func (d *Dir) HashCount() (int64, error) {
	info, err := os.Stat(d.hashesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size() / tlog.HashSize, nil
}

// Pending reports whether a change was interrupted. The next change completes
// its entry.
func (d *Dir) Pending() (bool, error) {
	data, err := readFile(d.pendingFile())
	return data != nil, err
}
