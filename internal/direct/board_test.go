// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package direct

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// part is a processor or an exporter.
type part struct{ attribute string }

func (p *part) Attribute() string             { return p.attribute }
func (*part) Admit(context.Context) Admission { return nil }
func (*part) ConsumeEncoded(context.Context, tenant.Signal, tenant.ID, *stamp.Encoded) error {
	return nil
}

var (
	exporterID = component.MustNewID("tenant_routing")
	tenantID   = component.MustNewID("tenant")
	edgeID     = component.MustNewIDWithName("tenant", "edge")
)

func TestBoard_FindsThePathOfASignal(t *testing.T) {
	own, other := &part{"business_id"}, &part{"team"}
	for name, tt := range map[string]struct {
		post func(*Board)
		want string // error; empty: none
	}{
		"nothing": {func(*Board) {}, `no pipeline has the exporter "tenant_routing"`},
		"another exporter": {func(b *Board) {
			b.PostSink(component.MustNewIDWithName("tenant_routing", "b"), own)
			b.PostAdmitter(tenantID, tenant.Logs, own)
		}, `no pipeline has the exporter "tenant_routing"`},
		"no processor": {func(b *Board) {
			b.PostSink(exporterID, own)
			b.PostAdmitter(tenantID, tenant.Traces, own)
		}, "no pipeline of logs has a tenant processor"},
		"both": {func(b *Board) {
			b.PostSink(exporterID, own)
			b.PostAdmitter(tenantID, tenant.Logs, own)
			b.PostAdmitter(edgeID, tenant.Traces, other)
		}, ""},
		"one processor in two pipelines": {func(b *Board) {
			b.PostSink(exporterID, own)
			b.PostAdmitter(tenantID, tenant.Logs, own)
			b.PostAdmitter(tenantID, tenant.Logs, &part{"business_id"})
		}, ""},
		"two processors": {func(b *Board) {
			b.PostSink(exporterID, own)
			b.PostAdmitter(tenantID, tenant.Logs, own)
			b.PostAdmitter(edgeID, tenant.Logs, own)
		}, "the pipelines of logs have different tenant processors, tenant and tenant/edge"},
		"one of two is removed": {func(b *Board) {
			b.PostSink(exporterID, own)
			b.PostAdmitter(tenantID, tenant.Logs, own)
			b.PostAdmitter(edgeID, tenant.Logs, own)()
		}, ""},
		"two attributes": {func(b *Board) {
			b.PostSink(exporterID, other)
			b.PostAdmitter(tenantID, tenant.Logs, own)
		}, `the processor tenant sets the attribute "business_id", but the exporter tenant_routing routes by the attribute "team"`},
		"removed": {func(b *Board) {
			b.PostSink(exporterID, own)()
			b.PostAdmitter(tenantID, tenant.Logs, own)()
		}, "no pipeline has the exporter"},
	} {
		t.Run(name, func(t *testing.T) {
			var b Board
			tt.post(&b)
			path, err := b.Path(tenant.Logs, exporterID)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			assert.Same(t, own, path.Admitter)
			assert.Same(t, own, path.Sink)
		})
	}
}

// TestBoard_IsSafeForConcurrentUse posts and removes as components of several pipelines do.
func TestBoard_IsSafeForConcurrentUse(t *testing.T) {
	var b Board
	own := &part{"business_id"}
	b.PostSink(exporterID, own)
	b.PostAdmitter(tenantID, tenant.Logs, own)
	var posting sync.WaitGroup
	for range 8 {
		posting.Go(func() {
			for range 100 {
				removeSink, removeAdmitter := b.PostSink(exporterID, own), b.PostAdmitter(tenantID, tenant.Logs, own)
				_, err := b.Path(tenant.Logs, exporterID)
				assert.NoError(t, err)
				removeSink()
				removeAdmitter()
				removeAdmitter()
			}
		})
	}
	posting.Wait()
	assert.Len(t, b.admitters, 1)
	assert.Len(t, b.sinks, 1)
}

// boardOf is an extension with a board.
type boardOf struct {
	component.StartFunc
	component.ShutdownFunc
	board *Board
}

func (e boardOf) Direct() *Board { return e.board }

func TestFind(t *testing.T) {
	guardID, storageID := component.MustNewID("request_guard"), component.MustNewID("file_storage")
	board := new(Board)
	host := tenanttest.Host{guardID: boardOf{board: board}, storageID: struct {
		component.StartFunc
		component.ShutdownFunc
	}{}}
	found, err := Find(host, guardID)
	require.NoError(t, err)
	assert.Same(t, board, found)
	_, err = Find(host, storageID)
	require.ErrorContains(t, err, `extension "file_storage" is not a request guard`)
	_, err = Find(host, component.MustNewID("nobody"))
	require.ErrorContains(t, err, `extension "nobody" is not configured`)
	assert.Equal(t, []*Board{board}, FindAll(host))
}
