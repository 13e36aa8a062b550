// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// use sends a request with text that must be accepted.
func use(t *testing.T, c *serverAuth, text string) {
	t.Helper()
	_, err := c.Authenticate(context.Background(), map[string][]string{"Authorization": {"Bearer " + text}})
	require.NoError(t, err)
}

func withKeyUse(file string) *Config {
	cfg := serverConfig()
	cfg.KeyUse = KeyUseConfig{File: file, Metric: true}
	return cfg
}

func TestKeyUse_SurvivesSnapshotsAndRestarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key-use.json")
	first, firstEntry := newKey()
	second, secondEntry := newKey()
	_, unusedEntry := newKey()
	registry := &tenanttest.Registry{}
	tenants := func() []*tenant.Tenant { // a snapshot takes its tenants over
		var keys []*tenant.Key
		for _, k := range []*tenant.Key{firstEntry, secondEntry, unusedEntry} {
			keys = append(keys, &tenant.Key{ID: k.ID, Digest: k.Digest, Scopes: k.Scopes})
		}
		return []*tenant.Tenant{{ID: "tenant-a", Keys: keys[:1]}, {ID: "tenant-b", Keys: keys[1:]}}
	}
	registry.Set(t, tenants()...)
	c, telemetry := startServerWith(t, withKeyUse(file), registry)
	use(t, c, first)
	registry.Set(t, tenants()...)
	c.now = func() time.Time { return noon.Add(3*time.Minute + 59*time.Second) }
	use(t, c, second)
	metadatatest.AssertEqualExtensionBearerKeyAuthKeyLastUseTimestamp(t, telemetry, []metricdata.DataPoint[int64]{
		{Value: noon.Unix(), Attributes: attribute.NewSet(attribute.String("tenant", "tenant-a"), attribute.String("key", firstEntry.ID))},
		{Value: noon.Unix() + 180, Attributes: attribute.NewSet(attribute.String("tenant", "tenant-b"), attribute.String("key", secondEntry.ID))},
	}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, c.Shutdown(context.Background()))

	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	want := lastUses{"tenant-a": {firstEntry.ID: noon}, "tenant-b": {secondEntry.ID: noon.Add(3 * time.Minute)}}
	var got lastUses
	require.NoError(t, json.Unmarshal(raw, &got))
	assert.Equal(t, want, got)

	again, _ := startServerWith(t, withKeyUse(file), registry)
	assert.Equal(t, want, again.keyUse.uses())
	registry.Set(t, tenants()[1])
	delete(want, "tenant-a")
	assert.Equal(t, want, again.keyUse.uses(), "a key that has left the registry is forgotten")
}

func TestKeyUse_PrunesOnlyAfterTheRegistryHasLoaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key-use.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"tenant-a": {"kabcdefg": "2026-05-01T12:00:00Z"}}`), 0o600))
	c, _ := startServerWith(t, withKeyUse(file), &tenanttest.Registry{})
	require.NoError(t, c.Shutdown(context.Background()))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.JSONEq(t, `{"tenant-a": {"kabcdefg": "2026-05-01T12:00:00Z"}}`, string(raw))
}

func TestKeyUse_KeepsTheMinuteOfTheLatestUse(t *testing.T) {
	text, key := newKey()
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	assert.Zero(t, key.LastUse())
	for _, at := range []time.Duration{0, 59 * time.Second, -time.Hour, time.Minute} {
		c.now = func() time.Time { return noon.Add(at) }
		use(t, c, text)
	}
	assert.Equal(t, noon.Add(time.Minute), key.LastUse(), "a clock that goes back changes nothing")
}

func TestKeyUse_IgnoresRejectedRequests(t *testing.T) {
	text, key := newKey(func(k *tenant.Key) { k.RevokedAt = noon })
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	_, err := c.Authenticate(context.Background(), map[string][]string{"Authorization": {"Bearer " + text}})
	require.Error(t, err)
	assert.Zero(t, key.LastUse())
}

func TestKeyUse_SavesWhileItRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key-use.json")
	text, key := newKey()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}})
	set := nopSettings()
	set.TelemetrySettings = componenttest.NewNopTelemetrySettings()
	c, err := newServerAuth(set, withKeyUse(file))
	require.NoError(t, err)
	c.keyUse.interval = time.Millisecond
	require.NoError(t, c.Start(context.Background(), tenanttest.Host{registryID: registry}))
	defer func() { require.NoError(t, c.Shutdown(context.Background())) }()
	var requests sync.WaitGroup
	for range 4 {
		requests.Go(func() { use(t, c, text) })
	}
	requests.Wait()
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(file)
		var got lastUses
		return err == nil && json.Unmarshal(raw, &got) == nil && !got["tenant-a"][key.ID].IsZero()
	}, 10*time.Second, time.Millisecond)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), text)
}

func TestKeyUse_KeepsForeignFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	require.NoError(t, os.WriteFile(file, []byte("tenants: []\n"), 0o600))
	core, logs := observer.New(zap.ErrorLevel)
	text, key := newKey()
	set := nopSettings()
	set.Logger = zap.New(core)
	c, err := newServerAuth(set, withKeyUse(file))
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background(), tenanttest.Host{
		registryID: tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}),
	}))
	use(t, c, text)
	require.NoError(t, c.Shutdown(context.Background()))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "tenants: []\n", string(raw))
	require.Equal(t, 1, logs.Len())
	assert.Contains(t, logs.All()[0].Message, "key_use::file")
}

func TestKeyUse_LogsAWriteFailure(t *testing.T) {
	text, key := newKey()
	core, logs := observer.New(zap.ErrorLevel)
	set := nopSettings()
	set.Logger = zap.New(core)
	c, err := newServerAuth(set, withKeyUse(filepath.Join(t.TempDir(), "missing", "key-use.json")))
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background(), tenanttest.Host{
		registryID: tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}),
	}))
	use(t, c, text)
	require.NoError(t, c.Shutdown(context.Background()), "an error would end a collector that reloads")
	assert.Equal(t, 1, logs.FilterMessageSnippet("key_use::file").Len())
	require.NoError(t, c.Shutdown(context.Background()))
}
