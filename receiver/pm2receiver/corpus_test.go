// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

// The folder is the test: a new file is a new case.
func TestReceiver_SendsExactlyTheLinesOfTheCorpus(t *testing.T) {
	files, err := pm2corpus.Files("../../testdata/pm2")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			expected, err := pm2corpus.Load(file)
			require.NoError(t, err)
			home := t.TempDir()
			copyFile(t, file, filepath.Join(home, "logs", filepath.Base(file)))

			cfg := createDefaultConfig().(*Config)
			cfg.Home, cfg.Timezone, cfg.StackTraces = home, "UTC", StackTracesSeparate
			cfg.IncludeLogRecordOriginal, cfg.MaxLineSize = true, 2*bytesize.MiB
			sink := new(consumertest.LogsSink)
			r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
			require.NoError(t, err)
			require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
			assert.Eventually(t, func() bool { return sink.LogRecordCount() >= len(expected) }, 20*time.Second, 20*time.Millisecond)
			require.NoError(t, r.Shutdown(t.Context()))

			result := pm2corpus.Compare(expected, pm2corpus.FromLogs(sink.AllLogs()...))
			assert.True(t, result.OK(), result.String())
		})
	}
}

func copyFile(t testing.TB, from, to string) {
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	require.NoError(t, os.WriteFile(to, data, 0o644))
}
