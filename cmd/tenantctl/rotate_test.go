// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestKeyRotate_KeepsTheOldKeyValid(t *testing.T) {
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
	assert.Equal(t, "active", was.State(time.Now()))
	assert.Equal(t, "active", is.State(time.Now()))

	r := c.run("key", "rotate", rotated.ID, "--overlap", "0s")
	require.Zero(t, r.code, r.err)
	assert.Regexp(t, "^"+apikey.Pattern+"\n$", r.out)
	assert.Equal(t, "expired", c.snapshot().Key(apikey.Digest(rotated.Key)).State(time.Now().Add(2*time.Second)))
}

// A key that was replaced is not replaced again by a key that ends with it.
func TestKeyRotate_Twice(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var first, second, third, fourth struct{ ID, Key string }
	c.json(&first, "key", "create", "a", "--description", "vm")
	c.json(new(struct{}), "key", "create", "a", "--description", "vm") // another one that may do the same
	r := c.run("key", "rotate", first.ID, "-o", "json")
	require.Zero(t, r.code)
	require.NoError(t, json.Unmarshal([]byte(r.out), &second))
	keys := len(c.snapshot().Tenant("a").Keys)
	for _, args := range [][]string{{}, {"--overlap", "0s"}, {"--overlap", "100h"}} {
		c.fails(exitFailure, "key "+first.ID+" was replaced by key "+second.ID+" already and ends at ", append([]string{"key", "rotate", first.ID}, args...)...)
	}
	assert.Len(t, c.snapshot().Tenant("a").Keys, keys)

	// What the message says leads out.
	c.json(&third, "key", "rotate", second.ID)
	assert.True(t, c.snapshot().Key(apikey.Digest(third.Key)).ExpiresAt.IsZero(), "it lives as the first of the chain")
	r = c.run("key", "rotate", first.ID, "--expires", "never")
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, "does not expire. It replaces "+first.ID)
	c.json(&fourth, "key", "rotate", first.ID, "--expires", "30d")
	assert.WithinDuration(t, time.Now().Add(30*24*time.Hour), c.snapshot().Key(apikey.Digest(fourth.Key)).ExpiresAt, time.Minute)
	c.fails(exitFailure, "was replaced by key "+second.ID, "key", "rotate", first.ID)

	// A key that was created with an expiry has not been replaced.
	var ends struct{ ID, Key string }
	c.json(&ends, "key", "create", "a", "--description", "vm", "--expires", "2h")
	r = c.run("key", "rotate", ends.ID)
	require.Zero(t, r.code, r.err)
	assert.Regexp(t, `expires at \S+\. It replaces `+ends.ID, r.err)
	c.ok("key", "revoke", third.ID)
	c.fails(exitFailure, "is revoked", "key", "rotate", third.ID)
	c.fails(exitFailure, "was replaced by key "+third.ID, "key", "rotate", second.ID)
	c.fails(exitUsage, "has passed already", "key", "rotate", fourth.ID, "--expires", "2020-01-01T00:00:00Z")
}

func TestKeyRotate_NeverProlongsTheOldKey(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var old struct{ ID, Key string }
	c.json(&old, "key", "create", "a", "--expires", "1h")
	c.ok("key", "rotate", old.ID, "--overlap", "24h", "--expires", "10d")
	assert.WithinDuration(t, time.Now().Add(time.Hour), c.snapshot().Key(apikey.Digest(old.Key)).ExpiresAt, time.Minute)
}

func TestKeyRotate_Rejections(t *testing.T) {
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

func TestRegistryExportAndImport_RoundTrip(t *testing.T) {
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
