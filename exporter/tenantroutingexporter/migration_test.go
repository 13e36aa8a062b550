// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var oldExporterID = component.MustNewID("otlp_http")

// fillQueue has an exporter with upstream's sending queue take requests that it cannot send.
func fillQueue(t *testing.T, st extension.Extension, requests ...plog.Logs) {
	t.Helper()
	set := exportertest.NewNopSettings(oldExporterID.Type())
	set.ID = oldExporterID
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.StorageID, queue.QueueSize, queue.NumConsumers = &storageID, 10000, 1
	retry := configretry.NewDefaultBackOffConfig() // the first request is on its way when the queue is shut down
	retry.InitialInterval, retry.MaxInterval, retry.MaxElapsedTime = time.Hour, time.Hour, 0
	e, err := exporterhelper.NewLogs(t.Context(), set, struct{}{},
		func(context.Context, plog.Logs) error { return errors.New("away") },
		exporterhelper.WithQueue(configoptional.Some(queue)), exporterhelper.WithRetry(retry))
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), tenanttest.Host{storageID: st}))
	for _, ld := range requests {
		require.NoError(t, e.ConsumeLogs(t.Context(), ld))
	}
	require.NoError(t, e.Shutdown(context.Background()))
}

func queueFile(dir string) string { return filepath.Join(dir, "exporter_otlp_http__logs") }

// edit changes what storage has of the old queue.
func edit(t *testing.T, st extension.Extension, ops ...*storage.Operation) {
	t.Helper()
	c, err := st.(storage.Extension).GetClient(t.Context(), component.KindExporter, oldExporterID, "logs")
	require.NoError(t, err)
	require.NoError(t, c.Batch(t.Context(), ops...))
	require.NoError(t, c.Close(t.Context()))
}

func migrationConfig(url, letters string) string {
	return fmt.Sprintf(`
storage: file_storage
migrate_queues: [otlp_http]
destinations: {gateway: {otlp_http: {endpoint: %q}}}
routes: {logs: [gateway], metrics: [gateway], traces: [gateway]}
lane: {batch: {timeout: 1ms}, concurrency: 1}
retry: {initial_interval: 10ms, max_interval: 10ms}
circuit_breaker: {failures: 5, open: 10ms}
dead_letter: {directory: %q}
`, url, letters)
}

func numbered(first, last int) (requests []plog.Logs, bodies []string) {
	for i := first; i <= last; i++ {
		body := fmt.Sprintf("line %04d %s", i, strings.Repeat("x", i%7*100))
		requests, bodies = append(requests, logsOf("a", body)), append(bodies, "/v1/logs "+body)
	}
	return requests, bodies
}

// Requests that another exporter queued arrive once, in order and before new ones. The old queue
// is removed.
func TestMigration_DeliversAnOldQueueFirst(t *testing.T) {
	dir, server := t.TempDir(), newServer(t)
	st := newStorage(t, dir)
	requests, want := numbered(1, 500)
	fillQueue(t, st, requests...)
	require.FileExists(t, queueFile(dir))

	g := startGatewayWith(t, parseConfig(t, migrationConfig(server.URL, t.TempDir())), tenanttest.Host{storageID: st}, nil)
	require.Eventually(t, func() bool { return g.logs.ConsumeLogs(t.Context(), logsOf("a", "new")) == nil }, 30*time.Second, time.Millisecond,
		"new data is taken when the old is in storage")
	want = append(want, "/v1/logs new")
	require.Eventually(t, func() bool { return len(received(server)) >= len(want) }, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, want, received(server))
	require.Eventually(t, func() bool { _, err := os.Stat(queueFile(dir)); return os.IsNotExist(err) }, 30*time.Second, 10*time.Millisecond)
	assert.EqualValues(t, 500, sum(t, g.tel, "migrated_requests", "signal=logs"))
	assert.EqualValues(t, 500, sum(t, g.tel, "recovered_records"))
	assert.Zero(t, sum(t, g.tel, "migration_faults"))
}

// Requests that cannot be read, or that no tenant has, are set aside as they are. Others follow.
func TestMigration_SetsAsideWhatCannotBeDelivered(t *testing.T) {
	dir, letters, server := t.TempDir(), t.TempDir(), newServer(t)
	st := newStorage(t, dir)
	requests, want := numbered(1, 6)
	requests[3] = logsOf("", "nobody's")
	want = append(want[:3:3], want[4:]...)
	fillQueue(t, st, requests...)
	keys := storedKeys(t, st)
	require.Len(t, keys, 6)
	damaged := []byte{0x0a, 0xff, 0xff, 0x01, 'x'}
	edit(t, st, storage.SetOperation(keys[0], damaged), storage.SetOperation("qmv0", []byte("no metadata")))
	want = want[1:]

	g := startGatewayWith(t, parseConfig(t, migrationConfig(server.URL, letters)), tenanttest.Host{storageID: st}, nil)
	require.Eventually(t, func() bool { return len(received(server)) >= len(want) }, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, want, received(server))
	require.Eventually(t, func() bool { _, err := os.Stat(queueFile(dir)); return os.IsNotExist(err) }, 30*time.Second, 10*time.Millisecond)
	assert.EqualValues(t, 2, sum(t, g.tel, "migration_faults", "signal=logs"))
	files, err := filepath.Glob(filepath.Join(letters, "migration", "otlp_http_logs_*.bin"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	got, err := os.ReadFile(filepath.Join(letters, "migration", "otlp_http_logs_"+keys[0]+".bin"))
	require.NoError(t, err)
	assert.Equal(t, damaged, got)
}

// storedKeys returns the numbers of the requests in the old queue, in their order.
func storedKeys(t *testing.T, st extension.Extension) (keys []string) {
	t.Helper()
	r := &router{}
	m := &migration{router: r}
	c, err := st.(storage.Extension).GetClient(t.Context(), component.KindExporter, oldExporterID, "logs")
	require.NoError(t, err)
	q, err := m.list(t.Context(), c)
	require.NoError(t, err)
	for i := range q.Len() {
		keys = append(keys, fmt.Sprint(q.Number(i)))
	}
	require.NoError(t, q.Close(t.Context()))
	return keys
}

// A kill between any two steps loses nothing and repeats nothing: what is in storage already is
// found there again.
func TestMigration_GoesOnAfterAKill(t *testing.T) {
	for _, after := range []string{"put", "remove"} {
		t.Run(after, func(t *testing.T) {
			dir, server := t.TempDir(), newServer(t)
			st := newStorage(t, dir)
			requests, want := numbered(1, 200)
			for i := range requests { // several batches
				requests[i].ResourceLogs().At(0).Resource().Attributes().PutStr("padding", strings.Repeat("p", 4000))
			}
			fillQueue(t, st, requests...)
			cfg := parseConfig(t, migrationConfig(server.URL, t.TempDir()))
			host := tenanttest.Host{storageID: st}

			set := exportertest.NewNopSettings(metadata.Type)
			set.ID = component.NewID(metadata.Type)
			killed := newRouter(cfg, set)
			prepare(t, killed, host)
			m := killed.migrations.list[0]
			for range 2 {
				require.NoError(t, m.next(t.Context()))
				require.Greater(t, m.head.requests, 1)
				require.NoError(t, killed.store.Put(t.Context(), m.head.parts))
				if after == "put" {
					break
				}
				require.NoError(t, m.queue.Remove(t.Context(), m.head.requests))
			}
			killed.closeMigrations(context.Background())
			require.NoError(t, killed.close(context.Background()))

			g := startGatewayWith(t, cfg, host, nil)
			require.Eventually(t, func() bool { return len(received(server)) >= len(want) }, 30*time.Second, 10*time.Millisecond)
			require.Eventually(t, func() bool { _, err := os.Stat(queueFile(dir)); return os.IsNotExist(err) }, 30*time.Second, 10*time.Millisecond)
			require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 30*time.Second, 10*time.Millisecond)
			assert.Equal(t, want, received(server))
		})
	}
}

// prepare does what start does until queues are open, and sends nothing.
func prepare(t *testing.T, r *router, host tenanttest.Host) {
	t.Helper()
	full := *r.cfg
	without := full
	without.MigrateQueues = nil
	r.cfg = &without
	require.NoError(t, r.start(t.Context(), host))
	close(r.stop)
	r.tasks.Wait()
	r.scheduler.Load().Shutdown(t.Context())
	require.NoError(t, r.telemetry.shutdown())
	r.cfg = &full
	r.openMigrations(t.Context(), host, []lane.Part{})
	require.Len(t, r.migrations.list, 1)
}

// An old queue that another exporter has open stays what it is, and new data is taken.
func TestMigration_LeavesAQueueThatIsInUse(t *testing.T) {
	dir, server := t.TempDir(), newServer(t)
	st := newStorage(t, dir)
	requests, _ := numbered(1, 3)
	fillQueue(t, st, requests...)
	c, err := st.(storage.Extension).GetClient(t.Context(), component.KindExporter, oldExporterID, "logs")
	require.NoError(t, err)
	g := startGatewayWith(t, parseConfig(t, migrationConfig(server.URL, t.TempDir())), tenanttest.Host{storageID: st}, nil)
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", "new")))
	require.Eventually(t, func() bool { return len(received(server)) == 1 }, 30*time.Second, 10*time.Millisecond)
	g.stop()
	require.NoError(t, c.Close(t.Context()))
	startGatewayWith(t, parseConfig(t, migrationConfig(server.URL, t.TempDir())), tenanttest.Host{storageID: st}, nil)
	require.Eventually(t, func() bool { return len(received(server)) == 4 }, 30*time.Second, 10*time.Millisecond)
}

// While the gateway is away what was taken over waits as what is new does.
func TestMigration_WaitsForTheGateway(t *testing.T) {
	dir, server := t.TempDir(), newServer(t)
	server.set(http.StatusServiceUnavailable, "")
	st := newStorage(t, dir)
	requests, want := numbered(1, 20)
	fillQueue(t, st, requests...)
	g := startGatewayWith(t, parseConfig(t, migrationConfig(server.URL, t.TempDir())), tenanttest.Host{storageID: st}, nil)
	require.Eventually(t, func() bool { return sum(t, g.tel, "migrated_requests") == 20 }, 30*time.Second, 10*time.Millisecond)
	g.stop()
	server.set(http.StatusOK, "")
	startGatewayWith(t, parseConfig(t, migrationConfig(server.URL, t.TempDir())), tenanttest.Host{storageID: st}, nil)
	require.Eventually(t, func() bool { return len(received(server)) >= len(want) }, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, want, received(server))
}

func received(s *server) []string { got, _ := s.seen(); return got }

// A shutdown that does not wait for a disk leaves the old queue to what is using it.
func TestMigration_HungDisk(t *testing.T) {
	requests, _ := numbered(1, 3)
	disk := &hangable{Extension: newStorage(t, t.TempDir()).(storage.Extension)}
	fillQueue(t, disk, requests...)
	registry := &tenanttest.Registry{} // nothing is taken over before it is loaded
	cfg := parseConfig(t, "registry: tenant_registry"+migrationConfig("http://127.0.0.1:1", t.TempDir())+"shutdown_timeout: 1s\n")
	r := newRouter(cfg, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, r.start(t.Context(), tenanttest.Host{registryID: registry, storageID: disk}))
	require.NotEmpty(t, r.migrations.list)
	goOn := disk.hang()
	defer goOn()
	registry.Set(t, &tenant.Tenant{ID: "a"})
	require.Eventually(t, func() bool { return waiting("(*migration).moveHead") > 0 && waiting("hangingClient.Batch") > 0 }, time.Minute, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.NoError(t, r.shutdown(ctx))

	goOn()
	r.tasks.Wait()
	require.Eventually(t, func() bool { return waiting("(*router).end") == 0 }, time.Minute, time.Millisecond)
	assert.Zero(t, r.recovery.Count(), "nothing panics")
	r.closeMigrations(context.Background())
}

// A queue whose file makes storage panic does not block new data permanently.
func TestMigration_GivesUpAQueueThatPanics(t *testing.T) {
	dir, server := t.TempDir(), newServer(t)
	st := newStorage(t, dir)
	requests, _ := numbered(1, 3)
	fillQueue(t, st, requests...)
	set := exportertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	r := newRouter(parseConfig(t, migrationConfig(server.URL, t.TempDir())), set)
	prepare(t, r, tenanttest.Host{storageID: st})
	m := r.migrations.list[0]
	whole := m.store
	m.router = &router{recovery: r.recovery, set: r.set, cfg: r.cfg} // has no plans
	m.head = &migrationHead{parts: []lane.Part{{Payload: nil}}, known: []bool{false}}
	assert.True(t, m.run(t.Context()))
	assert.NoFileExists(t, queueFile(dir))
	aside, err := filepath.Glob(queueFile(dir) + ".*.damaged")
	require.NoError(t, err)
	assert.Len(t, aside, 1)
	assert.EqualValues(t, 1, m.migrations.faults[tenant.Logs].Load())
	require.NotNil(t, whole)
	require.NoError(t, r.close(context.Background()))
}
