// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const poisonDirEnv = "ROUTING_POISON_DIR" // set in the child only

// nested returns a request of the tenant whose decoding overflows a small stack.
func nested(t *testing.T, id string, levels int) []byte {
	t.Helper()
	var heads [][]byte
	size := 0
	for range levels { // an AnyValue with an ArrayValue with an AnyValue
		inner := binary.AppendUvarint([]byte{0x0a}, uint64(size))
		outer := binary.AppendUvarint([]byte{0x2a}, uint64(size+len(inner)))
		heads = append(heads, append(outer, inner...))
		size += len(inner) + len(outer)
	}
	var body []byte
	for _, head := range slices.Backward(heads) {
		body = append(body, head...)
	}
	field := func(tag byte, b []byte) []byte {
		return append(binary.AppendUvarint([]byte{tag}, uint64(len(b))), b...)
	}
	good, err := (&plog.ProtoMarshaler{}).MarshalLogs(logsOf(id, "beside the poison"))
	require.NoError(t, err)
	scope := field(0x12, field(0x12, field(0x2a, body)))
	return append(good, field(0x0a, scope)...)
}

// TestPoisonChild is a gateway that TestPoison starts; by itself it does nothing.
func TestPoisonChild(t *testing.T) {
	dir := os.Getenv(poisonDirEnv)
	if dir == "" {
		return
	}
	debug.SetMaxStack(4 << 20)
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	g := startGatewayWith(t, poisonConfig(t, dir), tenanttest.Host{registryID: registry, storageID: newStorage(t, filepath.Join(dir, "queue"))}, registry)
	require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 60*time.Second, 10*time.Millisecond)
	recovered := sum(t, g.tel, "recovered_records")
	assert.Equal(t, recovered, sum(t, g.tel, "delivered_records")+sum(t, g.tel, "dead_lettered_records", "reason=poison"))
	assert.EqualValues(t, 2, sum(t, g.tel, "dead_lettered_records", "reason=poison"))
	g.stop()
}

func poisonConfig(t *testing.T, dir string) *Config {
	return parseConfig(t, `
registry: tenant_registry
storage: file_storage
destinations: {local: {archive: {directory: "`+filepath.Join(dir, "archive")+`"}}}
routes: {logs: [local]}
lane: {batch: {timeout: 0s}}
dead_letter: {directory: "`+filepath.Join(dir, "letters")+`"}
`)
}

// A request in the queue that ends the process when it is decoded is set aside after
// three ends, and everything else is delivered.
func TestPoison(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "queue"), 0o700))
	st := newStorage(t, filepath.Join(dir, "queue")).(storage.Extension)
	id := component.NewID(metadata.Type)
	s, _, err := store.Open(t.Context(), store.Settings{
		Open: func(ctx context.Context, name string) (storage.Client, error) {
			return st.GetClient(ctx, component.KindExporter, id, name)
		},
		Locate: func(name string) (string, bool) { return boltfile.Locate(st, component.KindExporter, id, name) },
		Logger: zap.NewNop(),
	})
	require.NoError(t, err)
	poison := nested(t, "a", 200_000)
	put := func(id tenant.ID, data []byte, records int) {
		require.NoError(t, s.Put(t.Context(), []lane.Part{{
			Payload: &lane.Payload{Tenant: id, Signal: tenant.Logs, Records: records, Size: len(data), Accepted: time.Now(), Data: data},
			Routes:  []lane.Route{{Destination: "local"}},
		}}))
	}
	good := func(id, body string) []byte {
		data, err := (&plog.ProtoMarshaler{}).MarshalLogs(logsOf(id, body))
		require.NoError(t, err)
		return data
	}
	put("a", good("a", "before"), 1)
	put("a", poison, 2)
	put("a", good("a", "after"), 1)
	put("b", good("b", "other"), 1)
	require.NoError(t, s.Close(t.Context()))

	run := func() ([]byte, error) {
		c := exec.Command(os.Args[0], "-test.run=^TestPoisonChild$")
		c.Env = append(os.Environ(), poisonDirEnv+"="+dir)
		return c.CombinedOutput()
	}
	for n := range 3 {
		out, err := run()
		require.Error(t, err, "end %d", n)
		require.Contains(t, string(out), "stack overflow")
	}
	out, err := run()
	require.NoError(t, err, "%s", out)
	got := archived(t, filepath.Join(dir, "archive"))
	for id, want := range map[string][]string{"a": {"after", "before"}, "b": {"other"}} {
		slices.Sort(got[id])
		assert.Equal(t, want, slices.Compact(got[id]))
	}
	files, err := filepath.Glob(filepath.Join(dir, "letters", poisonFolder, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	assert.Contains(t, filepath.Base(files[0]), "_a_logs_")
	kept, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.Equal(t, poison, kept)
}

func TestPrunePoison(t *testing.T) {
	dir := t.TempDir()
	names := func() (n []string) {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			n = append(n, strings.TrimSuffix(e.Name(), poisonSuffix))
		}
		return n
	}
	write := func(name string, size int64) {
		f, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, f.Truncate(size))
		require.NoError(t, f.Close())
	}
	write("notes", 1)
	for _, name := range []string{"1", "2", "3"} {
		write(name+poisonSuffix, maxPoisonBytes/4)
	}
	require.NoError(t, prunePoison(dir, maxPoisonBytes/4))
	assert.Equal(t, []string{"1", "2", "3", "notes"}, names())
	require.NoError(t, prunePoison(dir, maxPoisonBytes/2))
	assert.Equal(t, []string{"2", "3", "notes"}, names())
	for range maxPoisonFiles {
		write(time.Now().Format("5.000000000")+poisonSuffix, 1)
	}
	require.NoError(t, prunePoison(dir, 1))
	assert.Len(t, names(), maxPoisonFiles, "with notes, and one less")
}
