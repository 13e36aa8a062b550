// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestKeyCreate_ShowsTheKeyOnceAndKeepsItsDigest(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	r := c.run("key", "create", "a", "--scopes", "logs,traces", "--expires", "30d", "--description", "vm-12",
		"--source-cidr", "10.1.0.0/16,192.0.2.7", "--origin", "https://app.example", "--not-before", "2030-01-01T00:00:00+01:00", "--expires", "2031-01-01T00:00:00Z")
	require.Zero(t, r.code, r.err)
	assert.Regexp(t, "^"+apikey.Pattern+"\n$", r.out, "standard output is the key alone")
	text := strings.TrimSpace(r.out)
	assert.NotContains(t, r.err, text)

	k := c.snapshot().Key(apikey.Digest(text))
	require.NotNil(t, k)
	assert.Equal(t, tenant.ID("a"), k.Tenant().ID)
	assert.Equal(t, tenant.NewSignals(tenant.Logs, tenant.Traces), k.Scopes)
	assert.Equal(t, time.Date(2029, 12, 31, 23, 0, 0, 0, time.UTC), k.NotBefore)
	assert.Equal(t, time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), k.ExpiresAt)
	assert.WithinDuration(t, time.Now(), k.CreatedAt, time.Minute)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("192.0.2.7/32")}, k.SourceCIDRs)
	assert.Equal(t, []string{"https://app.example"}, k.Origins)
	assert.Equal(t, "vm-12", k.Description)

	secret := text[len("obs_k1234567_"):]
	assert.NotContains(t, c.file(), secret)
	digest := apikey.Digest(text)
	for _, args := range []string{"key list", "key list a", "key list -o json", "tenant show a", "tenant show a -o yaml", "tenant list -o json", "onboard a --endpoint https://g", "registry validate -o json", "key revoke " + k.ID} {
		out := c.ok(strings.Fields(args)...)
		assert.NotContains(t, out, secret, args)
		assert.NotContains(t, out, hex.EncodeToString(digest[:]), args)
	}
}

func TestKeyCreate_Rejections(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	for args, text := range map[string]string{
		"--scopes logs,profiles":         `--scopes: unknown signal "profiles"`,
		"--scopes=":                      `--scopes must name at least one`,
		"--expires yesterday":            `--expires: "yesterday" is neither a time`,
		"--expires -5h":                  `--expires: "-5h" is neither a time`,
		"--expires 2020-01-01T00:00:00Z": `has passed already`,
		"--not-before soon":              `--not-before: "soon" is neither a time`,
		"--origin app.example":           `--origin: "app.example" is not an origin such as https://app.example`,
		"--source-cidr 10.0.0.1/8":       `--source-cidr: "10.0.0.1/8" has bits set after its prefix, the range is 10.0.0.0/8`,
	} {
		c.fails(exitUsage, text, append([]string{"key", "create", "a"}, strings.Fields(args)...)...)
	}
	c.fails(exitFailure, "expires_at must be after not_before", "key", "create", "a", "--not-before", "10d", "--expires", "5d")
	assert.Empty(t, c.snapshot().Tenant("a").Keys)
}

func TestKeyRevoke(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	c.ok("tenant", "create", "b")
	var one, two struct{ ID, Key string }
	c.json(&one, "key", "create", "a")
	c.json(&two, "key", "create", "b")
	assert.Equal(t, fmt.Sprintf("key %s of tenant a revoked\n", one.ID), c.ok("key", "revoke", one.ID))
	at := c.snapshot().Key(apikey.Digest(one.Key)).RevokedAt
	assert.WithinDuration(t, time.Now(), at, time.Minute)
	before := c.file()
	c.ok("key", "revoke", one.ID)
	assert.Equal(t, before, c.file(), "the first revocation remains")

	var v operate.KeyView
	c.json(&v, "key", "revoke", two.Key) // a leaked key names itself
	assert.Equal(t, "revoked", v.State)
	assert.Equal(t, two.ID, v.ID)

	unknown, _ := apikey.New()
	r := c.run("key", "revoke", unknown)
	assert.Equal(t, exitFailure, r.code)
	assert.NotContains(t, r.err, unknown)
}

func TestKeys_OfADeletedTenant(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	c.ok("key", "create", "a")
	c.ok("tenant", "delete", "a", "--yes")
	assert.Regexp(t, `\ba +deleted `, c.ok("key", "list"), "no gateway knows it")
	assert.Regexp(t, `a +deleted +shared +0/1`, c.ok("tenant", "list", "--all"), "none works now")
}

// brokenPipe takes nothing.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestKey_ThatCouldNotBeShownIsNamed(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var made struct{ ID string }
	c.json(&made, "key", "create", "a")
	for _, args := range [][]string{{"key", "create", "a"}, {"key", "create", "a", "-o", "json"}, {"onboard", "a", "--endpoint", "https://g", "--new-key"}, {"key", "rotate", made.ID}} {
		before := c.snapshot().Tenant("a").Keys
		var stderr bytes.Buffer
		code := run(t.Context(), append([]string{"--registry", c.path}, args...), streams{in: strings.NewReader(""), out: brokenPipe{}, err: &stderr})
		assert.Equal(t, exitFailure, code, args)
		keys := c.snapshot().Tenant("a").Keys
		require.Len(t, keys, len(before)+1)
		assert.Contains(t, stderr.String(), "key "+keys[len(keys)-1].ID+" was created but could not be shown; revoke it: broken pipe", args)
	}
}

func TestParseWhen(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"720h":                      now.Add(720 * time.Hour),
		"30d":                       now.Add(720 * time.Hour),
		"1.5d":                      now.Add(36 * time.Hour),
		"2027-01-01T00:00:00+02:00": time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC),
	} {
		got, err := parseWhen(text, now)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"0s", "-1d", "d", "1w", "9999999d"} {
		_, err := parseWhen(text, now)
		assert.Error(t, err, text)
	}
}

// Twenty processes that create keys at the same time lose none.
func TestKeyCreate_InParallelProcesses(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const processes = 20
	keys, errs := make([]string, processes), make([]error, processes)
	var wg sync.WaitGroup
	for n := range processes {
		wg.Go(func() {
			var out, stderr bytes.Buffer
			cmd := c.program(ctx, "key", "create", "a")
			cmd.Stdout, cmd.Stderr = &out, &stderr
			if err := cmd.Run(); err != nil {
				errs[n] = fmt.Errorf("%w: %s", err, stderr.String())
			}
			keys[n] = strings.TrimSpace(out.String())
		})
	}
	wg.Wait()
	s := c.snapshot()
	assert.Len(t, s.Tenant("a").Keys, processes)
	require.NoError(t, errors.Join(errs...))
	for _, key := range keys {
		require.Regexp(t, "^"+apikey.Pattern+"$", key)
		assert.NotNil(t, s.Key(apikey.Digest(key)))
	}
}
