package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	berrors "go.etcd.io/bbolt/errors"
	"go.opentelemetry.io/collector/component"
)

// State is what [Inspect] finds.
type State uint8

const (
	// Missing means that there is no such file: bbolt makes one.
	Missing State = iota
	// Empty means that the file has no bytes: bbolt takes it for a new one.
	Empty
	// Whole means that bbolt can open it.
	Whole
	// OneHead means that bbolt can open it, but one of its two heads is damaged.
	// It may have been the newer: then the last transaction is gone.
	OneHead
	// Busy means that somebody has it open, so that nothing can be said.
	Busy
)

// Inspect looks at the file at path. It returns an error that is ErrDamaged if
// bbolt must not open it, or another if it cannot be looked at. Nothing is
// changed.
func Inspect(path string) (State, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() { // to open a named pipe blocks
		return 0, fmt.Errorf("%s: %w", filepath.Base(path), damaged("it is not a regular file"))
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close() // and give the lock back
	// Whoever writes to it would make it look damaged.
	if free, err := tryLock(f); err != nil || !free {
		return Busy, err
	}
	if info, err = f.Stat(); err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		return Empty, nil
	}
	oneHead, err := Check(f, info.Size())
	if err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if oneHead {
		return OneHead, nil
	}
	return Whole, nil
}

// AsideSuffix ends the names of files that were set aside.
const AsideSuffix = ".damaged"

// SetAside gives a damaged file another name and returns it, or an error without a
// name. What was set aside of the same file before is removed, since each may be as
// large as a queue; an error of that comes with the name.
func SetAside(path string) (name string, err error) {
	name = path + "." + time.Now().UTC().Format("20060102T150405.000000000Z") + AsideSuffix
	if err := os.Rename(path, name); err != nil {
		return "", err
	}
	before, err := filepath.Glob(globEscape(path) + ".*" + AsideSuffix)
	errs := []error{err}
	for _, old := range before {
		if old != name {
			errs = append(errs, os.Remove(old))
		}
	}
	return name, errors.Join(errs...)
}

// PoisonSuffix ends the names of files that are whole and were set aside with [Retire].
const PoisonSuffix = ".poison"

// Retire gives a file another name and returns it. Unlike [SetAside] it removes
// nothing, since the file is whole: with as many as most set aside before, it returns an
// error.
func Retire(path string, most int) (name string, err error) {
	before, err := filepath.Glob(globEscape(path) + ".*" + PoisonSuffix)
	if err != nil {
		return "", err
	}
	if len(before) >= most {
		return "", fmt.Errorf("%d files like %s were set aside before; remove them", len(before), before[0])
	}
	name = path + "." + time.Now().UTC().Format("20060102T150405.000000000Z") + PoisonSuffix
	return name, os.Rename(path, name)
}

// globEscape makes a pattern that matches just path.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Locate returns the path of the file in which storage, a file_storage
// extension, keeps what the component of that kind and ID stores under name. It
// reports false for another extension.
//
// The interface of storage extensions does not tell it, so this looks at a field
// that is private. A test holds it against the extension of this release.
func Locate(storage any, kind component.Kind, id component.ID, name string) (path string, ok bool) {
	v := reflect.Indirect(reflect.ValueOf(storage))
	if v.Kind() != reflect.Struct || v.Type().Name() != "localFileStorage" {
		return "", false
	}
	cfg := reflect.Indirect(v.FieldByName("cfg"))
	if cfg.Kind() != reflect.Struct {
		return "", false
	}
	directory := cfg.FieldByName("Directory")
	if directory.Kind() != reflect.String || directory.String() == "" {
		return "", false
	}
	base := strings.ToLower(kind.String()) + "_" + id.Type().String() + "_" + id.Name()
	if name != "" {
		base += "_" + name
	}
	return filepath.Join(directory.String(), sanitize(base)), true
}

// Explain returns err, with which storage did not open what the component of that kind and
// ID stores under name. If another process has the file open, of which bbolt says "timeout"
// and no more, Explain adds that, the directory and what to do.
func Explain(err error, storage any, kind component.Kind, id component.ID, name string) error {
	if !errors.Is(err, berrors.ErrTimeout) {
		return err
	}
	path, ok := Locate(storage, kind, id, name)
	if !ok {
		return err
	}
	return fmt.Errorf("the directory %s is in use: another process, such as a second collector, holds the lock of its file %s; "+
		"give each collector a directory of its own (STATE_DIR in the shipped configurations): %w", filepath.Dir(path), filepath.Base(path), err)
}

// sanitize writes characters that file_storage does not take as it does.
func sanitize(name string) string {
	var b strings.Builder
	for _, c := range name {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_", c) {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, "~%04X", c)
		}
	}
	return b.String()
}
