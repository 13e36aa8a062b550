// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newPool(t *testing.T) *Pool {
	t.Helper()
	p := NewPool(componenttest.NewNopTelemetrySettings(), component.NewDefaultBuildInfo(), componenttest.NewNopHost(), recovery.New(zap.NewNop()))
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

func profile(t *testing.T, name string) Profile {
	t.Helper()
	p, err := FindProfile(name)
	require.NoError(t, err)
	return p
}

// overHTTP returns a destination without compression.
func overHTTP(t *testing.T, p Profile, endpoint string, change func(*HTTPSettings)) *Destination {
	t.Helper()
	set := HTTPSettings{Client: confighttp.NewDefaultClientConfig(), Encoding: EncodingProto}
	set.Client.Endpoint, set.Client.Timeout, set.Client.Compression = endpoint, time.Minute, "none"
	if change != nil {
		change(&set)
	}
	d, err := NewHTTP("d", p, set, newPool(t))
	require.NoError(t, err)
	return d
}

func overGRPC(t *testing.T, p Profile, endpoint string, change func(*GRPCSettings)) *Destination {
	t.Helper()
	set := GRPCSettings{Client: configgrpc.NewDefaultClientConfig(), Timeout: time.Minute}
	set.Client.Endpoint, set.Client.TLS.Insecure, set.Client.Compression = endpoint, true, configcompression.Type("none")
	if change != nil {
		change(&set)
	}
	d, err := NewGRPC("d", p, set, newPool(t))
	require.NoError(t, err)
	return d
}

// logsBatch returns one payload per body.
func logsBatch(t testing.TB, bodies ...string) *lane.Batch {
	t.Helper()
	b := &lane.Batch{Key: lane.Key{Tenant: "tenant-a", Destination: "d", Signal: tenant.Logs}, Records: len(bodies)}
	for _, body := range bodies {
		ld := plog.NewLogs()
		ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(body)
		data, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
		require.NoError(t, err)
		b.Payloads = append(b.Payloads, data)
		b.Bytes += len(data)
	}
	return b
}

func bodiesOf(r plogotlp.ExportRequest) []string {
	var out []string
	for _, rl := range r.Logs().ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				out = append(out, lr.Body().Str())
			}
		}
	}
	return out
}

func send(t *testing.T, d *Destination, b *lane.Batch) lane.Result {
	t.Helper()
	return d.Target(b.Key.Signal, template.Values{Tenant: b.Key.Tenant}).Send(context.Background(), b)
}
