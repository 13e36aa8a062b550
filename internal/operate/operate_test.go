// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fixture is a registry in a file and a clock that the test sets.
type fixture struct {
	*Registry
	t    *testing.T
	path string
	at   time.Time
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "tenants.yaml"), at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	r, err := Open(Settings{Location: f.path, Now: func() time.Time { return f.at }})
	require.NoError(t, err)
	f.Registry = r
	return f
}

func (f *fixture) create(ids ...tenant.ID) {
	f.t.Helper()
	for _, id := range ids {
		_, err := f.CreateTenant(f.t.Context(), Request{}, id, TenantChange{})
		require.NoError(f.t, err)
	}
}

func (f *fixture) newKey(id tenant.ID, s KeySettings) *CreatedKey {
	f.t.Helper()
	if s.Scopes == nil {
		s.Scopes = []tenant.Signal{tenant.Logs}
	}
	k, err := f.CreateKey(f.t.Context(), Request{}, id, s)
	require.NoError(f.t, err)
	return k
}

// key returns the key with the text as the registry has it.
func (f *fixture) key(text string) *tenant.Key {
	f.t.Helper()
	doc, err := f.Read(f.t.Context())
	require.NoError(f.t, err)
	s, err := registryfile.Parse(doc.Bytes())
	require.NoError(f.t, err)
	k := s.Key(apikey.Digest(text))
	require.NotNil(f.t, k)
	return k
}

func (f *fixture) entries() []*audit.Entry {
	f.t.Helper()
	entries, err := f.AuditEntries(f.t.Context(), "")
	require.NoError(f.t, err)
	return entries
}

func requireInput(t *testing.T, err error, field string, malformed bool, text string) {
	t.Helper()
	var input *InputError
	require.ErrorAs(t, err, &input)
	assert.Equal(t, field, input.Field)
	assert.Equal(t, malformed, input.Malformed)
	assert.EqualError(t, err, text)
}

func TestOpen_RejectsLocationsWithoutShowingAPassword(t *testing.T) {
	for location, text := range map[string]string{
		"":                             "registry must be a file or a URL postgres://USER@HOST/DATABASE",
		"mysql://h/d":                  "registry must be a file or begin with postgres://",
		"host=h password=secret":       "registry looks like a connection string of name=value pairs (not shown, since it may hold a password): write it as postgres://USER@HOST/DATABASE",
		"password = secret dbname = x": "registry looks like a connection string of name=value pairs (not shown, since it may hold a password): write it as postgres://USER@HOST/DATABASE",
	} {
		_, err := Open(Settings{Location: location})
		requireInput(t, err, "registry", true, text)
	}
	_, err := Open(Settings{Location: "postgres://u:secret@h/d?sslmode=nonsense"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
}

func TestRegistry_ThatDoesNotExist(t *testing.T) {
	f := newFixture(t)
	_, err := f.Read(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `the first "tenantctl tenant create" creates one`)
	_, err = f.CreateKey(t.Context(), Request{}, "a", KeySettings{Scopes: []tenant.Signal{tenant.Logs}})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = f.Migrate(t.Context())
	require.ErrorIs(t, err, ErrNoMigration)
	f.create("a")
	_, err = f.Tenant(t.Context(), "a")
	require.NoError(t, err)
}

func TestRequest_IsInTheAuditLog(t *testing.T) {
	f := newFixture(t)
	req := Request{Actor: "alice", User: "svc@console", Reason: "ticket 7"}
	_, err := f.CreateTenant(t.Context(), req, "a", TenantChange{})
	require.NoError(t, err)
	_, err = f.SetTenantStatus(t.Context(), Request{User: "bob@host"}, "a", tenant.StatusSuspended)
	require.NoError(t, err)
	req.Action = "onboard"
	_, err = f.CreateKey(t.Context(), req, "a", KeySettings{Scopes: []tenant.Signal{tenant.Logs}})
	require.NoError(t, err)
	var got [][]string
	for _, e := range f.entries() {
		got = append(got, []string{e.Actor, e.User, e.Action, e.Reason})
	}
	assert.Equal(t, [][]string{
		{"alice", "svc@console", "tenant create", "ticket 7"},
		{"bob", "bob@host", "tenant suspend", ""},
		{"alice", "svc@console", "onboard", "ticket 7"},
	}, got)
	entries, err := f.AuditEntries(t.Context(), "other")
	require.NoError(t, err)
	assert.Empty(t, entries)

	_, err = f.SetTenantStatus(t.Context(), Request{Reason: "a\nb"}, "a", tenant.StatusActive)
	requireInput(t, err, "reason", true, "reason must not have control characters or line breaks")
	_, err = f.SetTenantStatus(t.Context(), Request{Actor: string(make([]byte, maxNote+1))}, "a", tenant.StatusActive)
	requireInput(t, err, "actor", true, "actor must have at most 1000 bytes")
}

func TestRequest_DryRunChangesNothing(t *testing.T) {
	f := newFixture(t)
	_, err := f.CreateTenant(t.Context(), Request{DryRun: true}, "a", TenantChange{})
	var dry *DryRunError
	require.ErrorAs(t, err, &dry)
	require.Len(t, dry.Changes, 1)
	assert.Equal(t, "a", dry.Changes[0].Tenant)
	assert.Nil(t, dry.Changes[0].Before)
	assert.NoFileExists(t, f.path)

	f.create("a")
	k := f.newKey("a", KeySettings{})
	before, err := os.ReadFile(f.path)
	require.NoError(t, err)
	imp, err := NewImport([]byte("tenants: [{id: z}]\n"))
	require.NoError(t, err)
	req := Request{DryRun: true}
	for name, action := range map[string]func() error{
		"update": func() error {
			_, err := f.UpdateTenant(t.Context(), req, "a", TenantChange{Isolation: tenant.IsolationDedicated})
			return err
		},
		"delete": func() error {
			_, err := f.SetTenantStatus(t.Context(), req, "a", tenant.StatusDeleted)
			return err
		},
		"create key": func() error {
			_, err := f.CreateKey(t.Context(), req, "a", KeySettings{Scopes: []tenant.Signal{tenant.Logs}})
			return err
		},
		"rotate":         func() error { _, err := f.RotateKey(t.Context(), req, k.Key.ID, Rotation{}); return err },
		"revoke":         func() error { _, _, err := f.RevokeKey(t.Context(), req, k.Key.ID); return err },
		"import":         func() error { _, err := f.Import(t.Context(), req, imp, true); return err },
		"accept restore": func() error { _, err := f.AcceptRestore(t.Context(), req, Restore{}); return err },
	} {
		require.ErrorAs(t, action(), &dry, name)
	}
	after, err := os.ReadFile(f.path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.Len(t, f.entries(), 2)
}

func TestUpdateTenant_ChangesOnlyNamedFields(t *testing.T) {
	f := newFixture(t)
	name := "A"
	_, err := f.CreateTenant(t.Context(), Request{}, "a", TenantChange{
		Name: &name, Attributes: []Assignment{{"plan", "pro"}}, Vars: []Assignment{{"one", "1"}, {"two", "2"}},
		Routes: []Route{{tenant.Logs, []string{"loki"}}, {tenant.Traces, nil}},
		Limits: []Assignment{{"logs.records_per_second", "5000"}, {"daily_bytes", "1GiB"}, {"burst", "3s"}},
	})
	require.NoError(t, err)
	got, err := f.UpdateTenant(t.Context(), Request{}, "a", TenantChange{
		UnsetVars: []string{"one"}, Vars: []Assignment{{"three", "3"}}, UnsetRoutes: []tenant.Signal{tenant.Logs},
		Limits: []Assignment{{"daily_bytes", "0"}, {"metrics.monthly_records", "7"}},
	})
	require.NoError(t, err)
	assert.Equal(t, "A", got.Name)
	assert.Equal(t, map[string]string{"plan": "pro"}, got.Attributes)
	assert.Equal(t, map[string]string{"two": "2", "three": "3"}, got.Vars)
	assert.Equal(t, map[tenant.Signal][]string{tenant.Traces: {}}, got.Routes)
	assert.Equal(t, int64(5000), got.Limits.Rates[tenant.Logs].RecordsPerSecond)
	assert.Equal(t, int64(7), got.Limits.Quotas[tenant.Metrics].MonthlyRecords)
	assert.Zero(t, got.Limits.DailyBytes)
	assert.Equal(t, 3*time.Second, got.Limits.Burst)
}

func TestTenantChange_Rejections(t *testing.T) {
	f := newFixture(t)
	f.create("a")
	for text, c := range map[string]struct {
		field     string
		malformed bool
		change    TenantChange
	}{
		`isolation must be shared or dedicated, not "x"`: {"isolation", true, TenantChange{Isolation: "x"}},
		`limits rps=1: there is no limit "rps"; limits are burst, daily_records, daily_bytes, monthly_records and monthly_bytes, the last four also for a signal, ` +
			`such as logs.daily_bytes, and records_per_second and bytes_per_second of a signal, such as logs.records_per_second`: {"limits", true, TenantChange{Limits: []Assignment{{"rps", "1"}}}},
		`limits daily_records=x: "x" is not a whole number of records such as 5000`: {"limits", true, TenantChange{Limits: []Assignment{{"daily_records", "x"}}}},
		`vars account_id: must be a whole number from 0 to 4294967295`:              {"vars", false, TenantChange{Vars: []Assignment{{"account_id", "x"}}}},
		`routes logs=tempo: the destination "tempo" accepts only traces, not logs; logs can be sent to loki`: {"routes", false, TenantChange{
			Routes:       []Route{{tenant.Logs, []string{"tempo"}}},
			Destinations: gatewayconfig.Destinations{"tempo": {Signals: tenant.NewSignals(tenant.Traces)}, "loki": {Signals: tenant.NewSignals(tenant.Logs)}},
		}},
	} {
		_, err := f.UpdateTenant(t.Context(), Request{}, "a", c.change)
		requireInput(t, err, c.field, c.malformed, text)
	}
	_, err := f.UpdateTenant(t.Context(), Request{}, "a", TenantChange{Attributes: []Assignment{{"business.id", "b"}}})
	require.EqualError(t, err, `attribute "business.id" could be mistaken for business_id, which only the gateway sets: choose another name`)
	_, err = f.UpdateTenant(t.Context(), Request{}, "a", TenantChange{UnsetVars: []string{"x"}})
	require.EqualError(t, err, `there is no var "x" to remove`)
	_, err = f.CreateTenant(t.Context(), Request{}, "A", TenantChange{})
	require.ErrorContains(t, err, "differ in case only")
	_, err = f.SetTenantStatus(t.Context(), Request{}, "a", "gone")
	requireInput(t, err, "status", true, `status must be active, suspended or deleted, not "gone"`)
	assert.Len(t, f.entries(), 1, "a rejected change is not in the audit log")
}

func TestTenantChange_WarnsOfUnusableSettings(t *testing.T) {
	f := newFixture(t)
	var notes []string
	_, err := f.CreateTenant(t.Context(), Request{Note: func(text string) { notes = append(notes, text) }}, "a", TenantChange{Vars: []Assignment{
		{"x_token", "secret"}, {"y_token", "${file:" + filepath.Join("/etc/otelcol-tenant/secrets", "y") + "}"}, {"z", "${file:/run/z}"},
	}})
	require.NoError(t, err)
	require.Len(t, notes, 2)
	assert.Equal(t, "var x_token seems to be a secret in clear text; write ${file:PATH} instead.", notes[0])
	assert.Contains(t, notes[1], "var z: by default, gateways read only files in /etc/otelcol-tenant/secrets")
}

func TestDeletedTenant_CannotChange(t *testing.T) {
	f := newFixture(t)
	f.create("a")
	_, err := f.SetTenantStatus(t.Context(), Request{}, "a", tenant.StatusDeleted)
	require.NoError(t, err)
	_, err = f.SetTenantStatus(t.Context(), Request{}, "a", tenant.StatusActive)
	require.ErrorIs(t, err, ErrDeleted)
	_, err = f.CreateKey(t.Context(), Request{}, "a", KeySettings{Scopes: []tenant.Signal{tenant.Logs}})
	require.ErrorIs(t, err, ErrDeleted)
	_, err = f.Tenant(t.Context(), "a")
	require.EqualError(t, err, `tenant "a" is deleted`)
}

func TestCreateKey(t *testing.T) {
	f := newFixture(t)
	f.create("a")
	k := f.newKey("a", KeySettings{ExpiresAt: f.at.Add(time.Hour), Origins: []string{"https://app.example"}, Description: "vm"})
	assert.Equal(t, tenant.ID("a"), k.Tenant.ID)
	stored := f.key(k.Text)
	assert.Equal(t, k.Key.ID, stored.ID)
	assert.Equal(t, f.at, stored.CreatedAt)
	assert.Equal(t, f.at.Add(time.Hour), stored.ExpiresAt)
	data, err := os.ReadFile(f.path)
	require.NoError(t, err)
	assert.NotContains(t, string(data), k.Text)

	_, err = f.CreateKey(t.Context(), Request{}, "a", KeySettings{})
	requireInput(t, err, "scopes", true, "scopes must name at least one of logs, metrics, traces")
	_, err = f.CreateKey(t.Context(), Request{}, "a", KeySettings{Scopes: []tenant.Signal{tenant.Logs}, ExpiresAt: f.at})
	requireInput(t, err, "expires_at", true, "expires_at: 2026-03-01T12:00:00Z has passed already")
	_, err = f.CreateKey(t.Context(), Request{}, "a", KeySettings{Scopes: []tenant.Signal{tenant.Logs}, Origins: []string{"app"}})
	requireInput(t, err, "origins", true, `origins: "app" is not an origin such as https://app.example or http://localhost:3000`)
	_, err = f.CreateKey(t.Context(), Request{}, "b", KeySettings{Scopes: []tenant.Signal{tenant.Logs}})
	require.ErrorIs(t, err, registryedit.ErrUnknownTenant)
}

func TestRevokeKey_ByIDOrByTheKeyItself(t *testing.T) {
	f := newFixture(t)
	f.create("a")
	one, two := f.newKey("a", KeySettings{}), f.newKey("a", KeySettings{})
	first := f.at
	_, revoked, err := f.RevokeKey(t.Context(), Request{}, one.Key.ID)
	require.NoError(t, err)
	assert.Equal(t, first, revoked.RevokedAt)
	f.at = f.at.Add(time.Hour)
	owner, revoked, err := f.RevokeKey(t.Context(), Request{}, two.Text)
	require.NoError(t, err)
	assert.Equal(t, tenant.ID("a"), owner.ID)
	assert.Equal(t, f.at, revoked.RevokedAt)
	entries := len(f.entries())
	_, _, err = f.RevokeKey(t.Context(), Request{}, one.Key.ID)
	require.NoError(t, err)
	assert.Equal(t, first, f.key(one.Text).RevokedAt, "the first revocation remains")
	assert.Len(t, f.entries(), entries, "a change of nothing is not in the audit log")

	unknown, _ := apikey.New()
	_, _, err = f.RevokeKey(t.Context(), Request{}, unknown)
	require.ErrorIs(t, err, ErrNoKey)
	assert.NotContains(t, err.Error(), unknown)
}

func TestRotateKey(t *testing.T) {
	f := newFixture(t)
	f.create("a")
	old := f.newKey("a", KeySettings{ExpiresAt: f.at.Add(100 * time.Hour), Origins: []string{"https://app.example"}, Description: "vm"})
	f.at = f.at.Add(10 * time.Hour)
	k, err := f.RotateKey(t.Context(), Request{}, old.Key.ID, Rotation{Overlap: 2 * time.Hour})
	require.NoError(t, err)
	assert.Equal(t, f.at.Add(100*time.Hour), f.key(k.Text).ExpiresAt, "the lifetime of the old key")
	assert.Equal(t, f.at.Add(2*time.Hour), f.key(old.Text).ExpiresAt)
	assert.Equal(t, f.at.Add(2*time.Hour), k.Replaced.ExpiresAt)
	assert.Equal(t, []string{"https://app.example"}, k.Key.Origins)
	assert.Equal(t, "vm", k.Key.Description)

	_, err = f.RotateKey(t.Context(), Request{}, old.Key.ID, Rotation{})
	var replaced *ReplacedError
	require.ErrorAs(t, err, &replaced)
	assert.Equal(t, &ReplacedError{Key: old.Key.ID, By: k.Key.ID, ExpiresAt: f.at.Add(2 * time.Hour)}, replaced)
	never, err := f.RotateKey(t.Context(), Request{}, old.Key.ID, Rotation{ExpiresAt: &time.Time{}, Overlap: 100 * time.Hour})
	require.NoError(t, err)
	assert.True(t, never.Key.ExpiresAt.IsZero())
	assert.Equal(t, f.at.Add(2*time.Hour), never.Replaced.ExpiresAt, "a rotation never prolongs the old key")

	_, err = f.RotateKey(t.Context(), Request{}, k.Key.ID, Rotation{Overlap: -1})
	requireInput(t, err, "overlap", true, "overlap must not be negative")
	past := f.at.Add(-time.Second)
	_, err = f.RotateKey(t.Context(), Request{}, k.Key.ID, Rotation{ExpiresAt: &past})
	requireInput(t, err, "expires_at", true, "expires_at: 2026-03-01T21:59:59Z has passed already")
	_, err = f.RotateKey(t.Context(), Request{}, "kunknown", Rotation{})
	require.ErrorIs(t, err, ErrNoKey)
	_, _, err = f.RevokeKey(t.Context(), Request{}, k.Key.ID)
	require.NoError(t, err)
	_, err = f.RotateKey(t.Context(), Request{}, k.Key.ID, Rotation{})
	require.ErrorContains(t, err, "is revoked; create a new one instead")
}

func TestSameLifetime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	assert.True(t, sameLifetime(&tenant.Key{CreatedAt: day(-5)}, now).IsZero())
	assert.Equal(t, day(6), sameLifetime(&tenant.Key{CreatedAt: day(-5), ExpiresAt: day(1)}, now))
	assert.Equal(t, day(3), sameLifetime(&tenant.Key{CreatedAt: day(-5), NotBefore: day(-2), ExpiresAt: day(1)}, now))
	assert.Equal(t, day(1), sameLifetime(&tenant.Key{ExpiresAt: day(1)}, now))
}

func TestViewTenant_HidesSecrets(t *testing.T) {
	v := ViewTenant(&tenant.Tenant{
		ID: "a", Status: tenant.StatusDeleted, Vars: map[string]string{"x_token": "s3cret", "y_token": "${file:/y}", "host": "h"},
		Keys: []*tenant.Key{{ID: "k1", Scopes: tenant.NewSignals(tenant.Logs)}},
	}, time.Now())
	assert.Equal(t, map[string]string{"x_token": "(hidden)", "y_token": "${file:/y}", "host": "h"}, v.Vars)
	assert.Equal(t, StateDeleted, v.Keys[0].State)
}

func TestOnboarding_Check(t *testing.T) {
	o := Onboarding{Tenant: "a", Endpoint: "HTTPS://gw.example:4318/", Environment: "production", PM2Home: "/srv/my apps"}
	require.NoError(t, o.Check())
	assert.Equal(t, "https://gw.example:4318", o.Endpoint)
	requireInput(t, (&Onboarding{}).Check(), "endpoint", true, "endpoint is required: the URL at which agents and applications reach the gateway, such as https://gateway.example:4318")
	requireInput(t, (&Onboarding{Endpoint: "https://g", PM2Home: "/a\"b"}).Check(), "pm2_home", true, "pm2_home must not have quotes, backslashes, $, ` or line breaks")
	requireInput(t, (&Onboarding{Endpoint: "http://10.0.0.1:1"}).Check(), "endpoint", true, "endpoint: http sends the key in clear text: use https://10.0.0.1:1; http is for loopback addresses only")
}

func TestShellQuote(t *testing.T) {
	for text, want := range map[string]string{"": "''", "a-b/c": "a-b/c", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		assert.Equal(t, want, ShellQuote(text))
	}
}

func TestImport(t *testing.T) {
	f := newFixture(t)
	f.create("a", "b")
	k, expiring := f.newKey("a", KeySettings{}), f.newKey("a", KeySettings{})
	doc, err := f.Read(t.Context())
	require.NoError(t, err)
	old, err := NewImport(registryfile.WithoutHistory(doc.Bytes()))
	require.NoError(t, err)
	_, _, err = f.RevokeKey(t.Context(), Request{}, k.Key.ID)
	require.NoError(t, err)
	_, err = f.RotateKey(t.Context(), Request{}, expiring.Key.ID, Rotation{Overlap: time.Hour})
	require.NoError(t, err)
	f.create("c")

	losses, err := f.ImportLosses(t.Context(), old)
	require.NoError(t, err)
	assert.Equal(t, []tenant.ID{"c"}, losses.Removed)
	require.Len(t, losses.Restored, 1)
	assert.Equal(t, expiring.Key.ID, losses.Restored[0].Key)
	_, err = f.Import(t.Context(), Request{}, old, false)
	require.ErrorIs(t, err, ErrNotEmpty)
	out, err := f.Import(t.Context(), Request{}, old, true)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 2}, []int{out.Tenants, out.Keys})
	require.Len(t, out.Kept, 1)
	assert.False(t, f.key(k.Text).RevokedAt.IsZero(), "a revoked key stays revoked")

	empty := newFixture(t)
	losses, err = empty.ImportLosses(t.Context(), old)
	require.NoError(t, err)
	assert.Equal(t, &Losses{}, losses)
	_, err = empty.Import(t.Context(), Request{}, old, false)
	require.NoError(t, err, "an import creates the registry")

	_, err = NewImport([]byte("tenants:\n  - id: a\n    colour: red\n"))
	require.ErrorAs(t, err, new(registryfile.Faults))
	_, err = NewImport([]byte("tenants:\n  - id: a\n  - id: A\n    attributes: {business.id: x}\n"))
	require.ErrorContains(t, err, "differ in case only")
	require.ErrorContains(t, err, "could be mistaken for business_id")
}

func TestAcceptRestore(t *testing.T) {
	f := newFixture(t)
	f.create("a", "b")
	k := f.newKey("a", KeySettings{})
	backup, err := os.ReadFile(f.path)
	require.NoError(t, err)
	_, _, err = f.RevokeKey(t.Context(), Request{}, k.Key.ID)
	require.NoError(t, err)
	late := f.newKey("a", KeySettings{})
	newest, err := os.ReadFile(f.path)
	require.NoError(t, err)
	snapshot, err := registryfile.Parse(newest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.path, backup, 0o600))

	set := Restore{Merge: []MergeSource{{"gateway-1", snapshot}}, Above: 9_000_000_000}
	preview, err := f.PreviewRestore(t.Context(), Request{}, set)
	require.NoError(t, err)
	require.Len(t, preview.Ended, 1)
	assert.Contains(t, preview.Ended[0], "key "+k.Key.ID+" of tenant a was revoked")
	assert.Contains(t, preview.Lost[0], "key "+late.Key.ID)
	assert.True(t, f.key(k.Text).RevokedAt.IsZero(), "a preview changes nothing")

	done, err := f.AcceptRestore(t.Context(), Request{}, set)
	require.NoError(t, err)
	assert.Equal(t, int64(9_000_000_001), done.Epoch)
	assert.Equal(t, preview.Ended, done.Ended)
	assert.False(t, f.key(k.Text).RevokedAt.IsZero())
	entries := f.entries()
	last := entries[len(entries)-1]
	assert.Equal(t, ActionAcceptRestore, last.Action)
	assert.Equal(t, []string{"gateway-1"}, last.Accepted.Merged)
	assert.Equal(t, done.Epoch, last.Accepted.Epoch)
	assert.True(t, IsIncomplete(registrydb.ErrRowGone))
}

func TestValidate(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, os.WriteFile(f.path, []byte("tenants:\n  - id: a\n    colour: red\n"), 0o600))
	v, err := f.Validate(t.Context(), nil)
	require.NoError(t, err)
	assert.False(t, v.Valid)
	require.Len(t, v.Faults, 1)
	assert.Equal(t, 3, v.Faults[0].Line)

	require.NoError(t, os.WriteFile(f.path, []byte("tenants:\n  - {id: a, routes: {logs: [loki]}, vars: {x_token: s}}\n  - {id: b, status: deleted}\n"), 0o600))
	v, err = f.Validate(t.Context(), gatewayconfig.Destinations{"tempo": {Signals: tenant.NewSignals(tenant.Traces)}})
	require.NoError(t, err)
	assert.True(t, v.Valid)
	assert.Equal(t, 2, v.Tenants)
	require.Len(t, v.Warnings, 3)
	assert.Equal(t, "tenant a has no usable key", v.Warnings[0])
	assert.Equal(t, "tenant a: var x_token seems to be a secret in clear text, write ${file:PATH} instead", v.Warnings[1])
	assert.Contains(t, v.Warnings[2], `tenant a: route of logs: no gateway has the destination "loki"`)

	require.NoError(t, os.Remove(f.path))
	_, err = f.Validate(t.Context(), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestVerifyAudit(t *testing.T) {
	f := newFixture(t)
	f.create("a", "b")
	v, err := f.VerifyAudit(t.Context(), Verify{})
	require.NoError(t, err)
	assert.True(t, v.Valid)
	assert.Empty(t, v.Warnings)
	assert.Equal(t, int64(2), v.Entries)

	key := f.path + ".audit-key"
	require.NoError(t, os.Rename(key, key+".away"))
	var missing *KeyError
	_, err = f.VerifyAudit(t.Context(), Verify{})
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, []any{key, true, true}, []any{missing.Path, missing.Missing, missing.HasLog})
	require.ErrorIs(t, err, audit.ErrNoKey)
	again, err := f.VerifyAudit(t.Context(), Verify{Verifier: v.Verifier, Checkpoints: []audit.Kept{{Name: "kept", Data: []byte(v.Checkpoint)}}})
	require.NoError(t, err)
	assert.True(t, again.Valid, again.Faults)
	require.NoError(t, os.WriteFile(key, []byte("x"), 0o600))
	_, err = f.VerifyAudit(t.Context(), Verify{})
	require.ErrorAs(t, err, &missing)
	assert.False(t, missing.Missing)
	require.NoError(t, os.Rename(key+".away", key))

	data, err := os.ReadFile(f.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.path, append(data, "# by hand\n"...), 0o600))
	v, err = f.VerifyAudit(t.Context(), Verify{})
	require.NoError(t, err)
	assert.Equal(t, []string{"the registry is not what the last entry says: it was changed by other means than tenantctl"}, v.Warnings)
}
