// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func startFailures(t *testing.T, cfg FailuresConfig) (*failures, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	f, err := newFailures(cfg, zap.New(core))
	require.NoError(t, err)
	return f, logs
}

func TestFailures_AnswersAThrottledSourceLateOverHTTPAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := startFailures(t, FailuresConfig{MaxSources: 1, Delay: 50 * time.Millisecond})
		began := time.Now()
		f.wait(context.Background(), localPeer)
		require.Zero(t, time.Since(began), "gRPC holds a whole message in memory")
		f.wait(context.Background(), ip("127.0.0.1"))
		require.Equal(t, f.delay, time.Since(began))
	})
}

func TestFailures_WaitEndsWithTheCallerOrTheGateway(t *testing.T) {
	f, _ := startFailures(t, FailuresConfig{MaxSources: 1, Delay: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	for range maxDelayed {
		waiting.Go(func() { f.wait(ctx, ip("127.0.0.1")) })
	}
	require.Eventually(t, func() bool { return len(f.delayed) == maxDelayed }, 10*time.Second, time.Millisecond)
	f.wait(context.Background(), ip("127.0.0.1")) // there is no room: it does not wait
	cancel()
	waiting.Wait()
	require.Empty(t, f.delayed)

	waiting.Go(func() { f.wait(context.Background(), ip("127.0.0.1")) })
	require.Eventually(t, func() bool { return len(f.delayed) == 1 }, 10*time.Second, time.Millisecond)
	f.stop()
	waiting.Wait()
}

func TestFailures_SumsUpInTheLog(t *testing.T) {
	f, logs := startFailures(t, FailuresConfig{MaxSources: 3})
	for range 1000 {
		f.note(ip("192.0.2.1"), noKey, false, noon)
		f.note(ip("2001:db8::1"), revokedKey, false, noon)
		f.note(nil, unknownKey, false, noon)
	}
	f.report(noon, false)
	got := map[any]map[string]any{}
	for _, entry := range logs.All() {
		got[entry.ContextMap()["source"]] = entry.ContextMap()
	}
	assert.Equal(t, map[any]map[string]any{
		"192.0.2.1":     {"source": "192.0.2.1", "no_key": int64(1000)},
		"2001:db8::/64": {"source": "2001:db8::/64", "revoked_key": int64(1000)},
		"others":        {"source": "others", "unknown_key": int64(1000)},
	}, got)
}

// TestFailures_AFloodOfRandomKeys sends 100,000 unknown keys, each from a network of its
// own.
func TestFailures_AFloodOfRandomKeys(t *testing.T) {
	text, key := newKey()
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	unknown, _ := newKey()
	headers := map[string][]string{"Authorization": {"Bearer " + unknown}}
	flood := func(n int) {
		_, err := c.Authenticate(from(&net.TCPAddr{IP: net.IP{0x20, 1, 0x0d, 0xb8, 0, byte(n >> 16), byte(n >> 8), byte(n), 15: 1}}), headers)
		require.Error(t, err)
	}
	for n := range serverConfig().Failures.MaxSources {
		flood(n)
	}
	before := heap()
	for n := range 100_000 {
		flood(n)
	}
	assert.Less(t, int64(heap())-int64(before), int64(1<<20), "bytes that the flood left behind")
	assert.Equal(t, serverConfig().Failures.MaxSources, c.failures.sources.len())
	_, err := c.Authenticate(from(localPeer), map[string][]string{"Authorization": {"Bearer " + text}})
	require.NoError(t, err)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFailures_DoNotAffectOtherAgents sends from one address with a good
// key and a bad one to a real receiver.
func TestFailures_DoNotAffectOtherAgents(t *testing.T) {
	const perMinute, late = 10, 5
	text, key := newKey()
	unknown, _ := newKey()
	cfg := serverConfig()
	cfg.Failures.PerMinute, cfg.Failures.Delay = perMinute, 24*time.Hour // until the gateway stops
	checker, telemetry := startServerWith(t, cfg, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	g := startGatewayWith(t, checker)
	go func() {
		for range g.seen {
		}
	}()
	defer close(g.seen)

	sendWrong := func() {
		code, text := g.sendHTTP(t, "authorization", "Bearer "+unknown)
		assert.Equal(t, http.StatusUnauthorized, code)
		assert.Equal(t, unknownKey.reason().Text(), text, "its answer stays the one of its fault")
	}
	for range perMinute {
		sendWrong()
	}
	var wrong sync.WaitGroup
	for range late {
		wrong.Go(sendWrong)
	}
	require.Eventually(t, func() bool { return len(checker.failures.delayed) == late }, time.Minute, time.Millisecond)
	for range 50 {
		code, _ := g.sendHTTP(t, "authorization", "Bearer "+text)
		assert.Equal(t, http.StatusOK, code)
	}
	assert.Len(t, checker.failures.delayed, late, "a valid key is never delayed")
	require.Error(t, g.sendGRPC(t, "authorization", "Bearer "+unknown))
	metadatatest.AssertEqualExtensionBearerKeyAuthThrottledRequests(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: late + 1}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, checker.Shutdown(t.Context()))
	wrong.Wait()
}
