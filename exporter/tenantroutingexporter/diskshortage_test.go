// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// testDisk is a disk with that much free space and a reserve of 160 bytes, on which tenants hold something.
type testDisk struct {
	free int64
	held map[tenant.ID]int64
}

func (d *testDisk) Usage() store.Usage { return store.Usage{Free: d.free, Reserve: 160, Taken: 7} }

func (d *testDisk) HasSpace(id tenant.ID, size int64) bool { return d.held[id]+size <= d.free-160 }

func TestDiskShortage_EndsWhenThereIsSpace(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }
	begin := func(free int64) (*diskShortage, *testDisk, *observer.ObservedLogs) {
		core, logs := observer.New(zap.InfoLevel)
		d := &testDisk{free: free, held: map[tenant.ID]int64{}}
		return &diskShortage{disk: d, logger: zap.New(core), text: "Full"}, d, logs
	}
	space := func(id tenant.ID, size int64) error {
		return fmt.Errorf("offer: %w", &lane.SpaceError{Tenant: id, Signal: tenant.Logs, Size: size})
	}
	noSpace := &lane.StoreError{Err: syscall.ENOSPC}

	t.Run("of tenants", func(t *testing.T) {
		w, d, logs := begin(150)
		assert.Zero(t, w.look(noon))
		w.rejected(noon, space("a", 20))
		w.rejected(at(1), space("a", 50))
		w.rejected(at(2), space("b", 10))
		d.free = 160 + 59 // with a margin of 10, a byte less than the larger payload of a needs
		assert.Equal(t, noon, w.look(at(6)))
		d.free = 160 + 60
		assert.Equal(t, noon, w.look(at(4.9)), "the space may have been measured before the last rejection")
		d.held["b"] = 45
		assert.Equal(t, noon, w.look(at(6)), "b needs more")
		d.held["b"] = 30
		assert.Zero(t, w.look(at(6)))
		assert.Zero(t, w.look(at(7)))
		all := logs.AllUntimed()
		require.Len(t, all, 2)
		assert.Equal(t, "Full", all[0].Message)
		fields := all[0].ContextMap()
		delete(fields, "error")
		assert.Equal(t, map[string]any{"tenant": "a", "signal": "logs", "free_bytes": int64(150), "reserve_bytes": int64(160), "used_bytes": int64(7)}, fields)
		assert.Equal(t, "Storage takes data again", all[1].Message)
		assert.Equal(t, 6*time.Second, all[1].ContextMap()["after"])

		w.rejected(at(60), space("b", 10))
		assert.Equal(t, at(60), w.look(at(60)), "another shortage")
	})
	t.Run("of the file system", func(t *testing.T) {
		w, d, logs := begin(0)
		w.rejected(noon, noSpace)
		d.free = 170
		assert.Equal(t, noon, w.look(at(20)))
		d.free = 171
		assert.Zero(t, w.look(at(20)))
		assert.Equal(t, 20*time.Second, logs.AllUntimed()[1].ContextMap()["after"])
	})
	t.Run("of a quota", func(t *testing.T) {
		w, _, logs := begin(100_000)
		w.rejected(noon, noSpace)
		w.rejected(at(4), noSpace)
		assert.Equal(t, noon, w.look(at(34)))
		assert.Zero(t, w.look(at(34.1)))
		assert.Equal(t, 4*time.Second, logs.AllUntimed()[1].ContextMap()["after"])
	})
	t.Run("of too many tenants to remember", func(t *testing.T) {
		w, d, _ := begin(0)
		for n := range maxShort + 1 {
			w.rejected(noon, space(tenant.ID(fmt.Sprint(n)), 1))
		}
		assert.Len(t, w.short, maxShort)
		d.free = 100_000
		assert.Equal(t, noon, w.look(at(30)))
		assert.Zero(t, w.look(at(31)))
	})
}

// An agent has no tenants to reject, and the gateway is not the reason.
func TestDiskShortage_TextOfAnAgent(t *testing.T) {
	const destinations = `
storage: file_storage
destinations: {gateway: {otlp_http: {endpoint: "http://127.0.0.1:1"}}}
routes: {logs: [gateway]}
`
	agent := newRouter(parseConfig(t, destinations), exportertest.NewNopSettings(metadata.Type))
	assert.Equal(t, "Storage does not take data because the disk is full. Free space on the disk of the path, or enlarge it", agent.shortage.text)
	gateway := newRouter(parseConfig(t, "registry: tenant_registry\n"+destinations), exportertest.NewNopSettings(metadata.Type))
	assert.Contains(t, gateway.shortage.text, "requests of tenants with much queued data are rejected")
}
