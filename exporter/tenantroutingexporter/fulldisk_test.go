// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// fillable is a storage extension that writes nothing while it is full.
type fillable struct {
	storage.Extension
	full *atomic.Bool
}

func (f fillable) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	c, err := f.Extension.GetClient(ctx, kind, id, name)
	return fillableClient{c, f.full}, err
}

type fillableClient struct {
	storage.Client
	full *atomic.Bool
}

func (c fillableClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if c.full.Load() {
		return syscall.ENOSPC
	}
	return c.Client.Batch(ctx, ops...)
}

func (c fillableClient) Walk(ctx context.Context, fn storage.WalkFunc) error {
	return c.Client.(storage.Walker).Walk(ctx, fn)
}

// A collector that reloads its configuration ends if a component's
// Shutdown fails.
func TestShutdown_OnAFullDiskIsNoError(t *testing.T) {
	goOn := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-goOn }))
	t.Cleanup(server.Close)
	var full atomic.Bool
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	g := startGatewayWith(t, parseConfig(t, `
registry: tenant_registry
storage: file_storage
destinations: {remote: {otlp_http: {endpoint: "`+server.URL+`"}}}
routes: {logs: [remote]}
lane: {batch: {timeout: 1ms}}
`), tenanttest.Host{
		registryID: registry,
		storageID:  fillable{newStorage(t, t.TempDir()).(storage.Extension), &full},
	}, registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "x")))
	full.Store(true)
	close(goOn)
	require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 1 }, 10*time.Second, time.Millisecond)
	g.stop() // requires that there is no error
}
