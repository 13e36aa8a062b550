// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package storageclient finds the storage extension that a component is configured to use, and
// opens clients of it. Its errors name the configuration key, the extension and, if it is known,
// the file, so that every component reports the same problem in the same words.
package storageclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
)

// Owner is the component whose data a client stores.
type Owner struct {
	Kind component.Kind
	ID   component.ID
}

// Extension is a storage extension. Its methods are safe for concurrent use.
type Extension struct {
	key string
	id  component.ID
	ext storage.Extension
}

// Find returns the storage extension id of host. key is the configuration key that names it, for
// errors.
func Find(host component.Host, key string, id component.ID) (*Extension, error) {
	ext, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf(`%q names the extension %q, which is not configured or not listed under "service::extensions"`, key, id)
	}
	st, ok := ext.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("%q names the extension %q, which is not a storage extension", key, id)
	}
	return &Extension{key, id, st}, nil
}

// Locate returns the path of the file that keeps what owner stores under name. It reports false if the
// extension is not file_storage. There need not be such a file.
func (e *Extension) Locate(owner Owner, name string) (path string, ok bool) {
	return boltfile.Locate(e.ext, owner.Kind, owner.ID, name)
}

// Open opens the client that keeps what owner stores under name. The caller closes it. Open does not
// check the file for damage: see [boltfile.Inspect].
func (e *Extension) Open(ctx context.Context, owner Owner, name string) (storage.Client, error) {
	if path, ok := e.Locate(owner, name); ok {
		if err := checkRegular(path); err != nil {
			return nil, e.wrap(err)
		}
	}
	client, err := e.ext.GetClient(ctx, owner.Kind, owner.ID, name)
	if err != nil {
		return nil, e.wrap(boltfile.Explain(err, e.ext, owner.Kind, owner.ID, name))
	}
	return client, nil
}

func (e *Extension) wrap(err error) error {
	return fmt.Errorf("%q: failed to open a client of the extension %q: %w", e.key, e.id, err)
}

// checkRegular returns an error if there is something else than a regular file at path. bbolt fails on a
// named pipe, a device or a directory with the error of the first system call that does not work.
func checkRegular(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is %s, not a regular file: remove it, or move it to another directory", path, describe(info.Mode()))
	}
	return nil
}

func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
