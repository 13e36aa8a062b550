// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
)

// Logs of containers are read through their rotations, as Docker and the kubelet make
// them, and over restarts in the middle of a line; and the path says of what container.
func TestContainer_IsReadThroughRotations(t *testing.T) {
	id := strings.Repeat("ab", 32)
	at := "2026-11-21T02:08:36.123456789Z"
	dockerLine := func(text string) string {
		b, err := json.Marshal(text)
		require.NoError(t, err)
		return fmt.Sprintf(`{"log":%s,"stream":"stderr","time":"%s"}`, b, at) + "\n"
	}
	const uid = "3f6f1a2e-0000-4c7e-9d2f-1b2c3d4e5f60"
	for name, c := range map[string]struct {
		include, file, rotated string
		part, end              func(text string) string
		resource               map[string]any
	}{
		"docker": {
			"containers/*/*-json.log", "containers/" + id + "/" + id + "-json.log", "containers/" + id + "/" + id + "-json.log.1",
			dockerLine, func(text string) string { return dockerLine(text + "\n") },
			map[string]any{"service.name": id[:12], "container.id": id},
		},
		"kubelet": {
			"pods/*/*/*.log", "pods/shop_api-7d9f_" + uid + "/api/0.log", "pods/shop_api-7d9f_" + uid + "/api/0.log.20261121-020836",
			func(text string) string { return at + " stderr P " + text + "\n" }, func(text string) string { return at + " stderr F " + text + "\n" },
			map[string]any{
				"service.name": "api", "k8s.namespace.name": "shop", "k8s.pod.name": "api-7d9f", "k8s.pod.uid": uid,
				"k8s.container.name": "api", "k8s.container.restart_count": int64(0),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, host, storage := t.TempDir(), newStorageHost(t), component.MustNewID("file_storage")
			cfg := testConfig(dir)
			cfg.Include, cfg.Storage = []string{filepath.Join(dir, c.include)}, &storage
			set := receivertest.NewNopSettings(metadata.Type) // with one ID for all
			sink := new(consumertest.LogsSink)
			path := filepath.Join(dir, c.file)
			var want []string
			for i := range 3 {
				write(t, path, c.end(fmt.Sprint("whole ", i))+c.part(fmt.Sprint("in ", i, " ")))
				want = append(want, fmt.Sprint("whole ", i), fmt.Sprint("in ", i, " two"))
				r := start(t, cfg, set, host, sink)
				require.Eventually(t, func() bool { return sink.LogRecordCount() == 2*i+1 }, 30*time.Second, 5*time.Millisecond)
				if i == 1 { // while it runs
					require.NoError(t, os.Rename(path, filepath.Join(dir, c.rotated)))
				}
				require.NoError(t, r.Shutdown(t.Context()))
				write(t, path, c.end("two"))
				r = start(t, cfg, set, host, sink)
				require.Eventually(t, func() bool { return sink.LogRecordCount() == 2*i+2 }, 30*time.Second, 5*time.Millisecond)
				require.NoError(t, r.Shutdown(t.Context()))
			}
			var got []string
			for _, logs := range sink.AllLogs() {
				for _, rl := range logs.ResourceLogs().All() {
					assert.Equal(t, c.resource, rl.Resource().Attributes().AsRaw())
					for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
						got = append(got, rec.Body().Str())
						stream, _ := rec.Attributes().Get("log.iostream")
						assert.Equal(t, "stderr", stream.Str())
						assert.Equal(t, time.Date(2026, 11, 21, 2, 8, 36, 123456789, time.UTC), rec.Timestamp().AsTime())
					}
				}
			}
			assert.ElementsMatch(t, want, got)
		})
	}
}
