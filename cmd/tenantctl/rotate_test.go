package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestKeyRotate_LetsTheOldKeyWorkOn(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var old, rotated struct{ ID, Key string }
	c.json(&old, "key", "create", "a", "--scopes", "logs", "--source-cidr", "10.0.0.0/8", "--origin", "https://app.example", "--description", "vm", "--expires", "90d")
	c.json(&rotated, "key", "rotate", old.ID, "--overlap", "2h")
	s := c.snapshot()
	was, is := s.Key(apikey.Digest(old.Key)), s.Key(apikey.Digest(rotated.Key))
	require.NotNil(t, is)
	assert.Equal(t, rotated.ID, is.ID)
	assert.Equal(t, tenant.NewSignals(tenant.Logs), is.Scopes)
	assert.Equal(t, was.SourceCIDRs, is.SourceCIDRs)
	assert.Equal(t, []string{"https://app.example"}, is.Origins)
	assert.Equal(t, "vm", is.Description)
	assert.WithinDuration(t, time.Now().Add(90*24*time.Hour), is.ExpiresAt, time.Minute)
	assert.WithinDuration(t, time.Now().Add(2*time.Hour), was.ExpiresAt, time.Minute)
	assert.Equal(t, "active", keyState(was, time.Now()))
	assert.Equal(t, "active", keyState(is, time.Now()))

	r := c.run("key", "rotate", rotated.ID, "--overlap", "0s")
	require.Zero(t, r.code, r.err)
	assert.Regexp(t, "^"+apikey.Pattern+"\n$", r.out)
	assert.Equal(t, "expired", keyState(c.snapshot().Key(apikey.Digest(rotated.Key)), time.Now().Add(2*time.Second)))
}

func TestKeyRotate_NeverProlongsTheOldKey(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var old struct{ ID, Key string }
	c.json(&old, "key", "create", "a", "--expires", "1h")
	c.ok("key", "rotate", old.ID, "--overlap", "24h", "--expires", "10d")
	assert.WithinDuration(t, time.Now().Add(time.Hour), c.snapshot().Key(apikey.Digest(old.Key)).ExpiresAt, time.Minute)
}

func TestKeyRotate_Refusals(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var k struct{ ID string }
	c.json(&k, "key", "create", "a")
	c.fails(exitFailure, "there is no key with this ID", "key", "rotate", "kabcdefg")
	c.fails(exitUsage, "--overlap must not be negative", "key", "rotate", k.ID, "--overlap", "-1h")
	c.fails(exitUsage, "--expires:", "key", "rotate", k.ID, "--expires", "soon")
	c.ok("key", "revoke", k.ID)
	c.fails(exitFailure, "is revoked; create a new one", "key", "rotate", k.ID)
	assert.Len(t, c.snapshot().Tenant("a").Keys, 1)
}

func TestSameLife(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	assert.True(t, sameLife(&tenant.Key{CreatedAt: day(-5)}, now).IsZero())
	assert.Equal(t, day(6), sameLife(&tenant.Key{CreatedAt: day(-5), ExpiresAt: day(1)}, now))
	assert.Equal(t, day(3), sameLife(&tenant.Key{CreatedAt: day(-5), NotBefore: day(-2), ExpiresAt: day(1)}, now))
	assert.Equal(t, day(1), sameLife(&tenant.Key{ExpiresAt: day(1)}, now))
}

func TestRegistryExportAndImport_LoseNothing(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--var", "secret_token=x", "--route", "logs=l", "--limit", "daily_bytes=1GiB")
	c.ok("key", "create", "a", "--scopes", "traces", "--expires", "5d", "--source-cidr", "10.0.0.0/8")
	c.ok("tenant", "create", "b")
	c.ok("tenant", "delete", "b", "--yes")
	exported := c.ok("registry", "export")

	other := newCLI(t)
	other.in = exported
	assert.Equal(t, "2 tenants and 1 keys imported\n", other.ok("registry", "import", "-"))
	assert.Equal(t, exported, other.ok("registry", "export"))
	for tn := range c.snapshot().Tenants() {
		assert.Equal(t, tn, other.snapshot().Tenant(tn.ID))
	}

	other.fails(exitFailure, "give --replace", "registry", "import", "-")
	other.in = "tenants:\n  - id: a\n    colour: red\n"
	other.fails(exitFailure, "line 3", "registry", "import", "-", "--replace")
	assert.Equal(t, exported, other.ok("registry", "export"))
	other.ok("registry", "import", c.path, "--replace")
	assert.Equal(t, c.file(), other.file())
	other.fails(exitFailure, "no such file", "registry", "import", strings.ToUpper(c.path))
}
