// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ErrLocked is returned if other programs edit the registry until the deadline of
// the context.
var ErrLocked = errors.New("the registry is being edited by another program")

// Edit calls change to edit the registry file at path. If the result differs, Edit
// writes it before it returns. A lock makes programs edit a file one at a time, so
// no change is lost. A file that is not valid is not edited: the error then wraps
// [registryfile.Faults]. If there is no file, the error is fs.ErrNotExist.
func Edit(ctx context.Context, path string, change func(*Document) error) error {
	return edit(ctx, path, nil, nil, change)
}

// EditOrCreate is [Edit] that starts with an empty registry if there is no file at
// path. The folder must exist.
func EditOrCreate(ctx context.Context, path string, change func(*Document) error) error {
	return edit(ctx, path, []byte(registryfile.Empty), nil, change)
}

// Journal is called for every change of a registry file, while its lock is held.
// The edit fails with the error of any of its methods.
type Journal interface {
	// Begin is called before a change is made, with the content of the file, which
	// is nil if there is no file.
	Begin(ctx context.Context, current []byte) error

	// Prepare is called before the file is replaced. before is nil if there is no
	// file.
	Prepare(ctx context.Context, before []byte, was []*tenant.Tenant, after *Document) error

	// Commit is called after the file was replaced.
	Commit(ctx context.Context, current []byte) error
}

// EditJournaled is [EditOrCreate], or [Edit] unless create is set, that calls
// journal.
func EditJournaled(ctx context.Context, path string, create bool, journal Journal, change func(*Document) error) error {
	var initial []byte
	if create {
		initial = []byte(registryfile.Empty)
	}
	return edit(ctx, path, initial, journal, change)
}

// Accept is [EditJournaled] that starts a later epoch of the file's history:
// gateways then accept the file, whatever they loaded before. The file is written
// even if change changes nothing. epoch returns the new epoch, given that of the
// file.
func Accept(ctx context.Context, path string, epoch func(was int64) int64, journal Journal, change func(*Document) error) error {
	return editFile(ctx, path, nil, epoch, journal, change)
}

func edit(ctx context.Context, path string, initial []byte, journal Journal, change func(*Document) error) error {
	return editFile(ctx, path, initial, nil, journal, change)
}

func editFile(ctx context.Context, path string, initial []byte, epoch func(int64) int64, journal Journal, change func(*Document) error) (err error) {
	path, err = atomicfile.Resolve(path)
	if err != nil {
		return err
	}
	switch info, err := os.Stat(path); { // before Lock creates a lock file
	case err != nil && initial == nil:
		return err
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	}
	unlock, err := atomicfile.Lock(ctx, path)
	switch {
	case errors.Is(err, atomicfile.ErrLocked):
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	current, err := os.ReadFile(path)
	data := current
	if errors.Is(err, fs.ErrNotExist) && initial != nil {
		current, data, err = nil, initial, nil
	}
	if err != nil {
		return err
	}
	if journal != nil {
		if err := journal.Begin(ctx, current); err != nil {
			return err
		}
	}
	doc, err := NewDocument(data)
	if err != nil {
		return fmt.Errorf("%s is not a valid registry, nothing was changed:\n%w", path, err)
	}
	was := doc.Tenants()
	if err := change(doc); err != nil {
		return err
	}
	if epoch == nil && bytes.Equal(registryfile.WithoutHistory(doc.Bytes()), registryfile.WithoutHistory(data)) {
		return nil
	}
	if journal == nil {
		return atomicfile.Write(path, doc.Bytes())
	}
	var accepted int64
	if epoch != nil {
		h, _ := registryfile.HistoryOf(data)
		accepted = epoch(h.Epoch)
	}
	if err := doc.stamp(data, accepted); err != nil {
		return err
	}
	if err := journal.Prepare(ctx, current, was, doc); err != nil {
		return err
	}
	if err := atomicfile.Write(path, doc.Bytes()); err != nil {
		return err
	}
	return journal.Commit(ctx, doc.Bytes())
}
