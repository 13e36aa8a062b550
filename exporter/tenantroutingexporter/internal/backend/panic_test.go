// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// brittleHost panics when it is asked for its extensions, which making a client does.
type brittleHost struct{ component.Host }

func (brittleHost) GetExtensions() map[component.ID]component.Component { panic("brittle") }

// To make a client is done once for all who wait for it. A panic must not leave them
// with none.
func TestPool_MakingAClientPanics(t *testing.T) {
	r := recovery.New(zap.NewNop())
	p := NewPool(componenttest.NewNopTelemetrySettings(), component.NewDefaultBuildInfo(), brittleHost{}, r)
	defer func() { require.NoError(t, p.Close()) }()
	over := func(change func(*HTTPSettings)) *Destination {
		d := overHTTP(t, profile(t, "otlp"), "http://127.0.0.1:1", change)
		d.pool = p
		return d
	}
	d := over(func(set *HTTPSettings) {
		set.Client.Middlewares = []configmiddleware.Config{{ID: component.MustNewID("m")}}
	})
	for n := range 3 {
		res := send(t, d, logsBatch(t, "x"))
		assert.Equal(t, lane.Blocked, res.Verdict, "it waits for an operator")
		require.ErrorContains(t, res.Err, "failed to create the client: internal error")
		assert.Equal(t, int64(n+1), r.Count(), "each attempt tries again")
	}
	for _, e := range p.clients {
		assert.Zero(t, e.users)
	}
}

// unrelated is a client of no destination.
type unrelated struct{}

func (unrelated) close() error { return nil }

// A panic in the middle of an attempt gives the client back, and the batch up.
func TestTargets_PanicWhileSending(t *testing.T) {
	for name, d := range map[string]*Destination{
		"http":    overHTTP(t, profile(t, "otlp"), "http://127.0.0.1:1", nil),
		"grpc":    overGRPC(t, profile(t, "otlp"), "127.0.0.1:1", nil),
		"archive": archiveDestination(t),
	} {
		t.Run(name, func(t *testing.T) {
			send(t, d, logsBatch(t, "x"))
			require.Len(t, d.pool.clients, 1)
			for _, e := range d.pool.clients {
				require.NoError(t, e.client.close())
				e.client = unrelated{}
			}
			for n := range 3 {
				res := send(t, d, logsBatch(t, "x"))
				assert.Equal(t, lane.Rejected, res.Verdict)
				assert.Equal(t, "panic", res.Reason)
				require.EqualError(t, res.Err, "internal error: handling the data panicked")
				assert.Equal(t, int64(n+1), d.pool.recovery.Count())
			}
			for _, e := range d.pool.clients {
				assert.Zero(t, e.users)
			}
		})
	}
}

func archiveDestination(t *testing.T) *Destination {
	t.Helper()
	d, err := NewArchive("d", ArchiveSettings{Directory: t.TempDir(), MaxFileBytes: 1000, MaxOpenFiles: 1, Compression: ArchiveCompressionNone}, newPool(t))
	require.NoError(t, err)
	return d
}
