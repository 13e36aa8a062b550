// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
)

// store is where a registry is kept.
type store interface {
	// read returns the registry as a registry file, valid or not.
	read(ctx context.Context) ([]byte, error)

	// edit calls change to edit the registry and writes it back, whole or not at
	// all. If there is no registry and create is set, it starts with an empty
	// one. It may call change more than once, each time with the current
	// registry. The change and its entry in the audit log, which r makes, are
	// both made or neither is.
	edit(ctx context.Context, create bool, r *audit.Recorder, change func(*registryedit.Document) error) error

	// accept is edit that puts the registry into another epoch of its history,
	// even if change changes nothing.
	accept(ctx context.Context, epoch func(was int64) int64, r *audit.Recorder, change func(*registryedit.Document) error) error

	// log calls f with the audit log and the identity of the registry.
	log(ctx context.Context, f func(log audit.Storage, registry string) error) error

	// auditKey returns the default path of the key of the audit log.
	auditKey() (path string, err error)

	// String names the registry, without secrets.
	String() string
}

// fileStore is a registry file.
type fileStore struct{ path string }

func (s fileStore) String() string { return s.path }

// read implements store.
func (s fileStore) read(context.Context) ([]byte, error) {
	data, err := os.ReadFile(s.path)
	return data, s.explain(err)
}

// edit implements store.
func (s fileStore) edit(ctx context.Context, create bool, r *audit.Recorder, change func(*registryedit.Document) error) error {
	path, err := atomicfile.Resolve(s.path)
	if err != nil {
		return s.explain(err)
	}
	journal := audit.NewJournal(r, auditDir(path), path)
	return s.explain(registryedit.EditJournaled(ctx, path, create, journal, change))
}

// accept implements store.
func (s fileStore) accept(ctx context.Context, epoch func(int64) int64, r *audit.Recorder, change func(*registryedit.Document) error) error {
	path, err := atomicfile.Resolve(s.path)
	if err != nil {
		return s.explain(err)
	}
	return s.explain(registryedit.Accept(ctx, path, epoch, audit.NewJournal(r, auditDir(path), path), change))
}

// log implements store.
func (s fileStore) log(_ context.Context, f func(log audit.Storage, registry string) error) error {
	path, err := atomicfile.Resolve(s.path)
	if err != nil {
		return s.explain(err)
	}
	return f(auditDir(path), path)
}

// auditKey implements store. The key of a registry file is in the same folder.
func (s fileStore) auditKey() (string, error) {
	path, err := atomicfile.Resolve(s.path)
	return path + ".audit-key", s.explain(err)
}

// explain adds to fs.ErrNotExist how to create the registry.
func (s fileStore) explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return missingFileError(s)
	}
	return err
}

func auditDir(path string) *audit.Dir { return audit.NewDir(path + ".audit") }

// missingFileError reports that there is no registry file.
type missingFileError struct{ path string }

func (e missingFileError) Error() string {
	dir := filepath.Dir(e.path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no folder %s for the registry: create it, with \"install -d -m 0750 %s\" for example, and try again", dir, ShellQuote(dir))
	}
	return fmt.Sprintf("there is no registry at %s; the first \"tenantctl tenant create\" creates one", e.path)
}

func (e missingFileError) Unwrap() error { return fs.ErrNotExist }

// databaseStore is a registry in a PostgreSQL database.
type databaseStore struct{ cfg *registrydb.Config }

func (s databaseStore) String() string { return s.cfg.String() }

// read implements store.
func (s databaseStore) read(ctx context.Context) ([]byte, error) { return registrydb.Read(ctx, s.cfg) }

// edit implements store.
func (s databaseStore) edit(ctx context.Context, create bool, r *audit.Recorder, change func(*registryedit.Document) error) error {
	return registrydb.Edit(ctx, s.cfg, registrydb.Options{Create: create, Recorder: r}, change)
}

// accept implements store.
func (s databaseStore) accept(ctx context.Context, epoch func(int64) int64, r *audit.Recorder, change func(*registryedit.Document) error) error {
	return registrydb.Edit(ctx, s.cfg, registrydb.Options{Recorder: r, Epoch: epoch, NewLog: r.NewLog}, change)
}

// log implements store.
func (s databaseStore) log(ctx context.Context, f func(log audit.Storage, registry string) error) error {
	return registrydb.ReadAudit(ctx, s.cfg, f)
}

// ErrNoConfigFolder is returned for a registry in a database if the user has no
// configuration folder, in which the key of the audit log is by default.
var ErrNoConfigFolder = errors.New("there is no folder for the key of the audit log")

// auditKey implements store. The key for a database belongs to the operator.
func (databaseStore) auditKey() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoConfigFolder, err)
	}
	dir = filepath.Join(dir, "otelcol-tenant")
	return filepath.Join(dir, "audit.key"), os.MkdirAll(dir, 0o700)
}
