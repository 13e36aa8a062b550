package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

const (
	// actorEnv and auditKeyEnv are the defaults of --actor and --audit-key.
	actorEnv    = "TENANTCTL_ACTOR"
	auditKeyEnv = "TENANTCTL_AUDIT_KEY"

	// maxNote bounds what --actor and --reason put into every copy of the log.
	maxNote = 1000
)

// changeFlags are the flags of every command that changes the registry.
type changeFlags struct {
	actor, reason string
	dryRun        bool
}

// changing makes c a command that changes the registry.
func (a *app) changing(c *cobra.Command) *cobra.Command {
	flags := c.Flags()
	flags.StringVar(&a.change.reason, "reason", "", "why, for the audit log: a `TEXT` such as a ticket")
	flags.StringVar(&a.change.actor, "actor", "", "who, for the audit log, if not the user of the system: a `NAME`; default $"+actorEnv)
	flags.BoolVar(&a.change.dryRun, "dry-run", false, "print what would change, and change nothing")
	return c
}

// changeFlagNames lists the flags that changing adds.
func changeFlagNames() []string { return []string{"reason", "actor", "dry-run"} }

// errDryRun ends a command that was only to say what it would do.
var errDryRun = errors.New("nothing was changed")

// endingActions only end keys and tenants. They work also while the audit log does
// not continue what was seen of it, as after a backup was restored: a key that has
// leaked cannot wait.
var endingActions = []string{"key revoke", "tenant suspend", "tenant delete"}

// recorder returns what makes the audit entry of this command.
func (a *app) recorder(s store) (*audit.Recorder, error) {
	key, err := a.auditKeyPath(s)
	if err != nil {
		return nil, err
	}
	r := &audit.Recorder{Actor: a.change.actor, User: audit.SystemUser(), Action: a.action, Reason: a.change.reason, Key: key, Now: a.now}
	if slices.Contains(endingActions, a.action) {
		r.Seen = audit.SeenIgnored
	}
	if r.Actor == "" {
		r.Actor = os.Getenv(actorEnv)
	}
	if r.Actor == "" {
		r.Actor, _, _ = strings.Cut(r.User, "@")
	}
	if len(r.Actor) > maxNote || len(r.Reason) > maxNote {
		return nil, usagef("--actor and --reason must have at most %d bytes", maxNote)
	}
	if r.Actor != printable(r.Actor) || r.Reason != printable(r.Reason) {
		return nil, usagef("--actor and --reason must have no control characters, line breaks included")
	}
	return r, nil
}

// auditKeyPath returns where the key of the audit log is.
func (a *app) auditKeyPath(s store) (string, error) {
	if a.auditKey != "" {
		return a.auditKey, nil
	}
	if path := os.Getenv(auditKeyEnv); path != "" {
		return path, nil
	}
	return s.auditKey()
}

// auditKey implements store: it is beside the registry.
func (s fileStore) auditKey() (string, error) {
	path, err := atomicfile.Resolve(s.path)
	return path + ".audit-key", s.explain(err)
}

// auditKey implements store: it belongs to the operator.
func (s dbStore) auditKey() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("where is the key of the audit log? Give --audit-key FILE or set %s: %w", auditKeyEnv, err)
	}
	dir = filepath.Join(dir, "otelcol-tenant")
	return filepath.Join(dir, "audit.key"), os.MkdirAll(dir, 0o700)
}

// log implements store.
func (s fileStore) log(_ context.Context, f func(log audit.Storage, registry string) error) error {
	path, err := atomicfile.Resolve(s.path)
	if err != nil {
		return s.explain(err)
	}
	return f(auditDir(path), path)
}

// log implements store.
func (s dbStore) log(ctx context.Context, f func(log audit.Storage, registry string) error) error {
	return registrydb.ReadAudit(ctx, s.cfg, f)
}

func auditDir(path string) *audit.Dir { return audit.NewDir(path + ".audit") }

// preview prints what change would do to the registry.
func (a *app) preview(ctx context.Context, s store, create bool, change func(*registryfile.Document) error) error {
	data, err := s.read(ctx)
	if create && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, registrydb.ErrNoRegistry)) {
		data, err = []byte(registryfile.Empty), nil
	}
	if err != nil {
		return err
	}
	doc, err := registryfile.NewDocument(data)
	if err != nil {
		return fmt.Errorf("%v is not a valid registry:\n%w", s, err)
	}
	was := doc.Tenants()
	if err := change(doc); err != nil {
		return err
	}
	changes := audit.Diff(was, doc.Tenants())
	if err := a.print(changes, func(w io.Writer) error { return writeChanges(w, changes) }); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "Dry run: nothing was changed.")
	return errDryRun
}
