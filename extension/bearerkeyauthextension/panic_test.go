// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// brittle is a registry that panics when it is asked.
type brittle struct{ tenant.Registry }

func (brittle) Snapshot() *tenant.Snapshot { panic("brittle") }

// Over gRPC a panic would end the process.
func TestServer_PanicsAdmitNoRequest(t *testing.T) {
	text, key := newKey()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}})
	c, telemetry := startServer(t, registry)
	c.registry = brittle{registry}
	ctx, err := c.Authenticate(t.Context(), map[string][]string{"authorization": {"Bearer " + text}})
	require.NoError(t, err, "over HTTP any error is a 401, which says that the key is wrong")
	caller, ok := tenant.FromContext(ctx)
	require.True(t, ok)
	assert.False(t, caller.Decided())
	_, err = c.tap(context.Background(), &tap.Info{Header: metadata.Pairs("authorization", "Bearer "+text)})
	assert.Equal(t, codes.Internal, status.Code(err))
	metadatatest.AssertEqualExtensionBearerKeyAuthPanics(t, telemetry, []metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
	c.registry = registry
	ctx, err = c.Authenticate(t.Context(), map[string][]string{"authorization": {"Bearer " + text}})
	require.NoError(t, err)
	caller, ok = tenant.FromContext(ctx)
	require.True(t, ok)
	assert.Equal(t, tenant.ID("tenant-a"), caller.Tenant())
}
