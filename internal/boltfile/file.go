// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// State is the state of a file.
type State uint8

const (
	// Missing means that there is no such file. bbolt creates it.
	Missing State = iota
	// Empty means that the file has no bytes. bbolt takes it for a new one.
	Empty
	// Whole means that bbolt can open it.
	Whole
	// OneHead means that bbolt can open it, but one of its two meta pages is damaged.
	// If that was the newer one, the last transaction is lost.
	OneHead
	// Busy means that another process or component has it open, so that its state is not known.
	Busy
)

// Inspect returns the state of the file at path. It returns an error that wraps ErrDamaged if bbolt must
// not open the file, and another error if it cannot read the file. It does not change the file.
func Inspect(path string) (State, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() { // opening a named pipe blocks
		return 0, fmt.Errorf("%s: %w", filepath.Base(path), damaged("it is not a regular file"))
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close() // which releases the lock
	// While another process writes to the file, it would look damaged.
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

// AsideSuffix is the end of the names of files that were set aside.
const AsideSuffix = ".damaged"

// SetAside renames a damaged file and returns its new name. If it cannot be renamed, the name is empty.
// SetAside then removes earlier copies that were set aside, because each may be as large as a queue.
// An error of that is returned with the name.
func SetAside(path string) (name string, err error) {
	name = path + "." + time.Now().UTC().Format("20060102T150405.000000000Z") + AsideSuffix
	if err := os.Rename(path, name); err != nil {
		return "", err
	}
	earlier, err := filepath.Glob(globEscape(path) + ".*" + AsideSuffix)
	errs := []error{err}
	for _, old := range earlier {
		if old != name {
			errs = append(errs, os.Remove(old))
		}
	}
	return name, errors.Join(errs...)
}

// PoisonSuffix is the end of the names of undamaged files that were set aside with [Retire].
const PoisonSuffix = ".poison"

// Retire renames a file and returns its new name. Unlike [SetAside] it removes nothing, because the file
// is not damaged: if there are most earlier copies, it returns an error.
func Retire(path string, most int) (name string, err error) {
	earlier, err := filepath.Glob(globEscape(path) + ".*" + PoisonSuffix)
	if err != nil {
		return "", err
	}
	if len(earlier) >= most {
		return "", fmt.Errorf("%d files like %s were set aside earlier; remove them", len(earlier), earlier[0])
	}
	name = path + "." + time.Now().UTC().Format("20060102T150405.000000000Z") + PoisonSuffix
	return name, os.Rename(path, name)
}

// globEscape returns a pattern that matches path only.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Locate returns the path of the file in which storage, a file_storage
// extension, keeps what the component of that kind and ID stores under name. It
// reports false for another extension.
//
// The interface of storage extensions does not provide the path, so Locate reads a private field. A
// test compares the result with the extension of this release.
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

// Explain returns err, the error of opening what the component of that kind and ID stores under name. If
// another process has the file open, bbolt returns just "timeout". Explain then adds the cause, the
// directory and what to do.
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

// sanitize escapes characters as file_storage does.
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
