// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// hangable is a storage extension whose disk hangs from hang on until goOn is called.
type hangable struct {
	storage.Extension
	mu   sync.Mutex
	gate chan struct{} // nil: it does not hang
}

func (h *hangable) hang() (goOn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gate := make(chan struct{})
	h.gate = gate
	return sync.OnceFunc(func() {
		h.mu.Lock()
		h.gate = nil
		h.mu.Unlock()
		close(gate)
	})
}

func (h *hangable) wait() {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (h *hangable) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	c, err := h.Extension.GetClient(ctx, kind, id, name)
	return hangingClient{c, h}, err
}

type hangingClient struct {
	storage.Client
	disk *hangable
}

func (c hangingClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	c.disk.wait()
	return c.Client.Batch(ctx, ops...)
}

func (c hangingClient) Close(ctx context.Context) error {
	c.disk.wait()
	return c.Client.Close(ctx)
}

func (c hangingClient) Walk(ctx context.Context, fn storage.WalkFunc) error {
	return c.Client.(storage.Walker).Walk(ctx, fn)
}

// waiting returns how many goroutines are in the function.
func waiting(function string) int {
	buf := make([]byte, 4<<20)
	return bytes.Count(buf[:runtime.Stack(buf, true)], []byte(function+"("))
}

// largeOf returns a context of a request of the tenant that the guard takes for a large
// one.
func largeOf(t *testing.T, g *guard.Guard, id tenant.ID) context.Context {
	t.Helper()
	ctx := tenant.NewContext(context.Background(), tenant.NewIdentity(id, "k", tenant.NewSignals(tenant.AllSignals()...)))
	r, err := g.Admit(ctx, tenant.Metrics)
	require.NoError(t, err)
	t.Cleanup(r.Release)
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(deltas(5))
	require.NoError(t, err)
	_, err = r.Check(false, data)
	require.NoError(t, err)
	r.Computed()
	return r.Context(ctx)
}

// A disk hangs while a request with delta metrics is written to it. Its converter is held
// until the disk responds again, and nothing else is.
func TestHungDisk(t *testing.T) {
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	disk := &hangable{Extension: newStorage(t, t.TempDir()).(storage.Extension)}
	core, logs := observer.New(zap.ErrorLevel)
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = componenttest.NewNopTelemetrySettings()
	set.Logger = zap.New(core)
	r := newRouter(parseConfig(t, `
registry: tenant_registry
storage: file_storage
destinations: {prom: {profile: prometheus, otlp_http: {endpoint: "http://127.0.0.1:1"}}}
routes: {metrics: [prom]}
shutdown_timeout: 1s
`), set)
	require.NoError(t, r.start(t.Context(), tenanttest.Host{registryID: registry, storageID: disk}))
	goOn := disk.hang()
	defer goOn()

	var requests sync.WaitGroup
	consume := func(ctx context.Context) {
		requests.Go(func() { _ = r.consumeMetrics(ctx, deltas(5)) })
	}
	consume(context.Background())
	require.Eventually(t, func() bool { return waiting("hangingClient.Batch") > 0 }, time.Minute, time.Millisecond)

	// Large requests of the tenant use all compute slots and wait for its converter.
	g := guard.New(guard.Settings{LargeRequest: 1})
	for range runtime.GOMAXPROCS(0) + 1 {
		consume(largeOf(t, g, "a"))
	}
	const lock = "cumulative.(*Converter).Acquire"
	require.Eventually(t, func() bool { return waiting(lock) == runtime.GOMAXPROCS(0)+1 }, time.Minute, time.Millisecond)
	ctx, cancel := context.WithTimeout(largeOf(t, g, "b"), time.Minute)
	defer cancel()
	computed, err := guard.Compute(ctx)
	require.NoError(t, err, "they have no turn while they wait")
	computed()

	// A request whose caller disconnects stops waiting.
	gone, leave := context.WithCancel(context.Background())
	consume(gone)
	require.Eventually(t, func() bool { return waiting(lock) == runtime.GOMAXPROCS(0)+2 }, time.Minute, time.Millisecond)
	leave()
	require.Eventually(t, func() bool { return waiting(lock) == runtime.GOMAXPROCS(0)+1 }, time.Minute, time.Millisecond)

	// Changes of the registry are put into force, also for a tenant that goes.
	registry.Set(t, &tenant.Tenant{ID: "b"})
	require.Eventually(t, func() bool {
		r.totals.mu.Lock()
		defer r.totals.mu.Unlock()
		return r.totals.lanes[lane.Key{Tenant: "a", Destination: "prom", Signal: tenant.Metrics}] == nil
	}, time.Minute, time.Millisecond)

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		assert.NoError(t, r.shutdown(ctx))
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		require.Fail(t, "the shutdown waits for the disk")
	}
	assert.Equal(t, 1, logs.FilterMessageSnippet("The shutdown continues without waiting for a disk").Len())

	goOn()
	requests.Wait()
	require.Eventually(t, func() bool { return waiting("(*router).end") == 0 }, time.Minute, time.Millisecond, "what was left ends with the disk")
}
