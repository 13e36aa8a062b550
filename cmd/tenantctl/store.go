package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

const (
	// registryEnv is the default of --registry.
	registryEnv = "TENANTCTL_REGISTRY"

	// storeTimeout is how long a command waits for a database, and for others
	// to finish editing.
	storeTimeout = 30 * time.Second
)

// store is where the registry is kept.
type store interface {
	// read returns the registry as a registry file, valid or not.
	read(ctx context.Context) ([]byte, error)

	// edit lets change edit the registry and writes it back, whole or not at
	// all. It begins with an empty registry if there is none and create is
	// set. It may call change more than once, each time with the registry as
	// it then is. The change and its entry in the audit log, which r makes,
	// are both made or neither is.
	edit(ctx context.Context, create bool, r *audit.Recorder, change func(*registryfile.Document) error) error

	// accept is edit that puts the registry into another epoch of its history,
	// even if change changes nothing.
	accept(ctx context.Context, epoch func(was int64) int64, r *audit.Recorder, change func(*registryfile.Document) error) error

	// log calls f with the audit log and what tells the registry from others.
	log(ctx context.Context, f func(log audit.Storage, registry string) error) error

	// auditKey returns where the key of the audit log is by default.
	auditKey() (path string, err error)

	// String says where the registry is, without secrets.
	String() string
}

// keywordDSN is what a connection string of libpq's other form has. As the name
// of a file it would show a password.
var keywordDSN = regexp.MustCompile(`(^|\s)(host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)

// store returns the registry that was asked for.
func (a *app) store() (store, error) {
	at := a.registry
	if at == "" {
		at = os.Getenv(registryEnv)
	}
	switch scheme, _, isURL := strings.Cut(at, "://"); {
	case at == "":
		return nil, usagef("which registry? Give --registry FILE|postgres://… or set %s", registryEnv)
	case !isURL && keywordDSN.MatchString(at):
		return nil, usagef("--registry looks like a connection string of name=value pairs (it is not shown, since it may hold a password): write it as postgres://USER@HOST/DATABASE")
	case !isURL:
		return fileStore{at}, nil
	case scheme == "postgres" || scheme == "postgresql":
		cfg, err := registrydb.ParseDSN(at)
		if err != nil {
			return nil, usagef("--registry: %w", err)
		}
		return dbStore{cfg}, nil
	}
	return nil, usagef("--registry must be a file or begin with postgres://")
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
func (s fileStore) edit(ctx context.Context, create bool, r *audit.Recorder, change func(*registryfile.Document) error) error {
	path, err := atomicfile.Resolve(s.path)
	if err != nil {
		return s.explain(err)
	}
	journal := audit.NewJournal(r, auditDir(path), path)
	return s.explain(registryfile.EditJournaled(ctx, path, create, journal, change))
}

// accept implements store.
func (s fileStore) accept(ctx context.Context, epoch func(int64) int64, r *audit.Recorder, change func(*registryfile.Document) error) error {
	path, err := atomicfile.Resolve(s.path)
	if err != nil {
		return s.explain(err)
	}
	return s.explain(registryfile.Accept(ctx, path, epoch, audit.NewJournal(r, auditDir(path), path), change))
}

// explain says how to make a registry that does not exist.
func (s fileStore) explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return missingError(s)
	}
	return err
}

// missingError says that there is no registry file.
type missingError struct{ path string }

func (e missingError) Error() string {
	dir := filepath.Dir(e.path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no folder %s for the registry: make it, with \"install -d -m 0750 %s\" for example, and try again", dir, shellQuote(dir))
	}
	return fmt.Sprintf("there is no registry at %s; the first \"tenantctl tenant create\" makes one", e.path)
}

func (e missingError) Unwrap() error { return fs.ErrNotExist }

// dbStore is a registry in a PostgreSQL database.
type dbStore struct{ cfg *registrydb.Config }

func (s dbStore) String() string { return s.cfg.String() }

// read implements store.
func (s dbStore) read(ctx context.Context) ([]byte, error) { return registrydb.Read(ctx, s.cfg) }

// edit implements store.
func (s dbStore) edit(ctx context.Context, create bool, r *audit.Recorder, change func(*registryfile.Document) error) error {
	return registrydb.Edit(ctx, s.cfg, registrydb.Options{Create: create, Recorder: r}, change)
}

// accept implements store.
func (s dbStore) accept(ctx context.Context, epoch func(int64) int64, r *audit.Recorder, change func(*registryfile.Document) error) error {
	return registrydb.Edit(ctx, s.cfg, registrydb.Options{Recorder: r, Epoch: epoch, NewLog: r.NewLog}, change)
}

// read returns the registry as it is.
func (a *app) read(ctx context.Context) (*registryfile.Document, error) {
	s, err := a.store()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	data, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := registryfile.NewDocument(data)
	if err != nil {
		return nil, fmt.Errorf("%v is not a valid registry:\n%w", s, err)
	}
	return doc, nil
}

// edit changes the registry that there is.
func (a *app) edit(ctx context.Context, change func(*registryfile.Document) error) error {
	return a.editStore(ctx, false, change)
}

// editOrCreate changes the registry and makes it if there is none.
func (a *app) editOrCreate(ctx context.Context, change func(*registryfile.Document) error) error {
	return a.editStore(ctx, true, change)
}

func (a *app) editStore(ctx context.Context, create bool, change func(*registryfile.Document) error) error {
	s, err := a.store()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if a.change.dryRun {
		return a.preview(ctx, s, create, change)
	}
	r, err := a.recorder(s)
	if err != nil {
		return err
	}
	return s.edit(ctx, create, r, change)
}
