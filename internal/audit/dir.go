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

// Dir is a log in a folder: entries.jsonl with one entry a line, hashes with the
// stored hashes of the tree one after the other, checkpoint, and, while a change
// is under way, pending.
type Dir struct{ path string }

// NewDir returns the log in the folder at path, which need not exist yet.
func NewDir(path string) *Dir { return &Dir{path} }

func (d *Dir) entries() string    { return filepath.Join(d.path, "entries.jsonl") }
func (d *Dir) hashes() string     { return filepath.Join(d.path, "hashes") }
func (d *Dir) checkpoint() string { return filepath.Join(d.path, "checkpoint") }
func (d *Dir) pending() string    { return filepath.Join(d.path, "pending") }

// noLineBreak ends the text of an entry that has no end.
var noLineBreak = []byte("(no line break)")

// Place implements Placed.
func (d *Dir) Place(part Part) string {
	return map[Part]string{PartEntries: d.entries(), PartHashes: d.hashes(), PartCheckpoint: d.checkpoint()}[part]
}

// readAll returns nil if there is no file.
func readAll(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Checkpoint implements Storage.
func (d *Dir) Checkpoint(context.Context) ([]byte, error) { return readAll(d.checkpoint()) }

// Hashes implements Storage.
func (d *Dir) Hashes(_ context.Context, indexes []int64) (_ []tlog.Hash, err error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	f, err := os.Open(d.hashes())
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

// AllHashes implements Storage. A rest that is no whole hash counts as one.
func (d *Dir) AllHashes(context.Context) ([]tlog.Hash, error) {
	data, err := readAll(d.hashes())
	if err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, (len(data)+tlog.HashSize-1)/tlog.HashSize)
	for n := range out {
		copy(out[n][:], data[n*tlog.HashSize:])
	}
	if len(data)%tlog.HashSize != 0 {
		out = append(out, tlog.Hash{}) // a whole log cannot have it
	}
	return out, nil
}

// Entries implements Storage. Text after the last line break is an entry too.
func (d *Dir) Entries(_ context.Context, each func(text []byte) error) (err error) {
	f, err := os.Open(d.entries())
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
		text, whole := bytes.CutSuffix(line, []byte("\n"))
		if !whole {
			text = append(text, noLineBreak...) // a whole log ends with one
		}
		if err := each(text); err != nil {
			return err
		}
	}
}

// Append implements Storage. The checkpoint comes last: without it the rest does
// not count, and is cut off when the log is opened again.
func (d *Dir) Append(_ context.Context, a Addition) error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	var lines []byte
	for _, text := range a.Texts {
		lines = append(append(lines, text...), '\n')
	}
	if err := appendTo(d.entries(), lines, -1); err != nil {
		return err
	}
	var raw []byte
	for _, h := range a.Hashes {
		raw = append(raw, h[:]...)
	}
	if err := appendTo(d.hashes(), raw, a.First*tlog.HashSize); err != nil {
		return err
	}
	return atomicfile.Write(d.checkpoint(), a.Checkpoint)
}

// appendTo adds data to the end of a file, which must be at unless that is
// negative, and to the disk.
func appendTo(path string, data []byte, at int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if at >= 0 && info.Size() != at {
		return fmt.Errorf("%w: %s has %d bytes instead of %d", ErrDamaged, path, info.Size(), at)
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// length returns the size of the entries in bytes.
func (d *Dir) length() (int64, error) {
	info, err := os.Stat(d.entries())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// sizes returns how many bytes of entries and of hashes a log of size entries in
// length bytes has, by the path of the file.
func (d *Dir) sizes(size, length int64) map[string]int64 {
	return map[string]int64{d.entries(): length, d.hashes(): tlog.StoredHashCount(size) * tlog.HashSize}
}

// holds returns ErrDamaged unless there is a log of size entries in length bytes,
// and no more than that.
func (d *Dir) holds(size, length int64) error {
	for path, want := range d.sizes(size, length) {
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Size() == want, errors.Is(err, fs.ErrNotExist) && want == 0:
		case err == nil:
			return fmt.Errorf("%w: %s has %d bytes instead of %d", ErrDamaged, path, info.Size(), want)
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is gone", ErrDamaged, path)
		default:
			return err
		}
	}
	return nil
}

// cut takes away what an interrupted Append has left behind a log of size
// entries in length bytes.
func (d *Dir) cut(size, length int64) error {
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

// setAside gives the folder another name, so that another log can begin.
func (d *Dir) setAside(now time.Time) error {
	err := os.Rename(d.path, d.path+"-old-"+now.UTC().Format("20060102150405"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Pending tells whether a change was interrupted whose entry the next change
// completes.
func (d *Dir) Pending() (bool, error) {
	data, err := readAll(d.pending())
	return data != nil, err
}
