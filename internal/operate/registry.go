// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// timeout bounds each access to a store: the wait for a database, and for other
// programs that edit the registry.
const timeout = 30 * time.Second

// ErrNoMigration is returned by [Registry.Migrate] for a registry file.
var ErrNoMigration = errors.New("a registry file needs no migration")

// Settings say where a registry is.
type Settings struct {
	// Location is the path of a registry file, or the URL of a database such as
	// postgres://USER@HOST/DATABASE.
	Location string

	// AuditKey is the path of the key of the audit log. The default is
	// FILE.audit-key for a registry file, and otelcol-tenant/audit.key in the
	// user's configuration folder for a database.
	AuditKey string

	// Now returns the time. The default is time.Now.
	Now func() time.Time
}

// Registry is a registry and its audit log. Its methods may be called
// concurrently, also by several programs: no change is lost. Each method waits
// at most 30 seconds for the store.
type Registry struct {
	store store
	key   string
	now   func() time.Time
}

// keywordDSN matches libpq's other form of a connection string. As the name of
// a file it would show a password.
var keywordDSN = regexp.MustCompile(`(^|\s)(host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)

// Open returns the registry at set.Location. It does not access the registry,
// which may not exist yet. The error is an [*InputError].
func Open(set Settings) (*Registry, error) {
	r := &Registry{key: set.AuditKey, now: set.Now}
	if r.now == nil {
		r.now = time.Now
	}
	switch scheme, _, isURL := strings.Cut(set.Location, "://"); {
	case set.Location == "":
		return nil, malformed("registry", "", "must be a file or a URL postgres://USER@HOST/DATABASE")
	case !isURL && keywordDSN.MatchString(set.Location):
		return nil, malformed("registry", "", "looks like a connection string of name=value pairs (not shown, since it may hold a password): write it as postgres://USER@HOST/DATABASE")
	case !isURL:
		r.store = fileStore{set.Location}
	case scheme == "postgres" || scheme == "postgresql":
		cfg, err := registrydb.ParseDSN(set.Location)
		if err != nil {
			return nil, &InputError{Field: "registry", Malformed: true, Err: err}
		}
		r.store = databaseStore{cfg}
	default:
		return nil, malformed("registry", "", "must be a file or begin with postgres://")
	}
	return r, nil
}

// String names the registry, without secrets.
func (r *Registry) String() string { return r.store.String() }

// AuditKey returns the path of the key of the audit log.
func (r *Registry) AuditKey() (string, error) {
	if r.key != "" {
		return r.key, nil
	}
	return r.store.auditKey()
}

// Read returns the registry. If there is none, the error is fs.ErrNotExist for
// a file and [registrydb.ErrNoRegistry] for a database. If the registry is not
// valid, the error wraps [registryfile.Faults].
func (r *Registry) Read(ctx context.Context) (*registryedit.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := r.store.read(ctx)
	if err != nil {
		return nil, err
	}
	return r.document(data)
}

// Data returns the registry in the format of a registry file, valid or not. The errors are those of
// [Registry.Read] otherwise.
func (r *Registry) Data(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return r.store.read(ctx)
}

func (r *Registry) document(data []byte) (*registryedit.Document, error) {
	doc, err := registryedit.NewDocument(data)
	if err != nil {
		return nil, fmt.Errorf("%v is not a valid registry:\n%w", r, err)
	}
	return doc, nil
}

// Tenant returns the tenant with the ID id. If it was deleted, the error wraps
// [ErrDeleted].
func (r *Registry) Tenant(ctx context.Context, id tenant.ID) (*tenant.Tenant, error) {
	doc, err := r.Read(ctx)
	if err != nil {
		return nil, err
	}
	t, err := doc.Tenant(id)
	if err != nil {
		return nil, err
	}
	return t, checkNotDeleted(t)
}

// TenantViews returns all tenants as they are shown, deleted ones only if withDeleted is
// set.
func (r *Registry) TenantViews(ctx context.Context, withDeleted bool) ([]TenantView, error) {
	doc, err := r.Read(ctx)
	if err != nil {
		return nil, err
	}
	views := []TenantView{}
	for _, t := range doc.Tenants() {
		if t.Status != tenant.StatusDeleted || withDeleted {
			views = append(views, ViewTenant(t, r.now()))
		}
	}
	return views, nil
}

// TenantView returns a tenant as it is shown, also a deleted one.
func (r *Registry) TenantView(ctx context.Context, id tenant.ID) (TenantView, error) {
	doc, err := r.Read(ctx)
	if err != nil {
		return TenantView{}, err
	}
	t, err := doc.Tenant(id)
	if err != nil {
		return TenantView{}, err
	}
	return ViewTenant(t, r.now()), nil
}

// KeyViews returns the keys of a tenant as they are shown, or those of all tenants if id
// is empty.
func (r *Registry) KeyViews(ctx context.Context, id tenant.ID) ([]KeyView, error) {
	doc, err := r.Read(ctx)
	if err != nil {
		return nil, err
	}
	tenants := doc.Tenants()
	if id != "" {
		t, err := doc.Tenant(id)
		if err != nil {
			return nil, err
		}
		tenants = []*tenant.Tenant{t}
	}
	views := []KeyView{}
	for _, t := range tenants {
		for _, k := range t.Keys {
			views = append(views, ViewKey(t, k, r.now()))
		}
	}
	return views, nil
}

// Migrate creates the tables of a registry in a database, or brings them up to
// the layout of this version. It returns the numbers of the layouts before,
// which is 0 if there were no tables, and after.
func (r *Registry) Migrate(ctx context.Context) (was, is int, err error) {
	db, ok := r.store.(databaseStore)
	if !ok {
		return 0, 0, ErrNoMigration
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return registrydb.Migrate(ctx, db.cfg)
}

// edit makes one change to the registry. change may be called more than once.
func (r *Registry) edit(ctx context.Context, req Request, action string, change func(*registryedit.Document) error) error {
	return r.editStore(ctx, req, action, false, change)
}

// editOrCreate is edit that creates the registry if there is none.
func (r *Registry) editOrCreate(ctx context.Context, req Request, action string, change func(*registryedit.Document) error) error {
	return r.editStore(ctx, req, action, true, change)
}

func (r *Registry) editStore(ctx context.Context, req Request, action string, create bool, change func(*registryedit.Document) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if req.DryRun {
		return r.preview(ctx, create, change)
	}
	recorder, err := r.recorder(req, action)
	if err != nil {
		return err
	}
	return r.store.edit(ctx, create, recorder, change)
}

// preview returns a [*DryRunError] with what change would do to the registry.
func (r *Registry) preview(ctx context.Context, create bool, change func(*registryedit.Document) error) error {
	data, err := r.store.read(ctx)
	if create && isMissing(err) {
		data, err = []byte(registryfile.Empty), nil
	}
	if err != nil {
		return err
	}
	doc, err := r.document(data)
	if err != nil {
		return err
	}
	was := doc.Tenants()
	if err := change(doc); err != nil {
		return err
	}
	return &DryRunError{audit.Diff(was, doc.Tenants())}
}

// isMissing reports whether err means that there is no registry.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, registrydb.ErrNoRegistry)
}
