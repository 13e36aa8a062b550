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
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
)

// Applications choose the names of files, which end on the terminal of the user who reads
// the collector's log.
func TestReceiver_LogsNoControlCharacters(t *testing.T) {
	home := t.TempDir()
	logs := filepath.Join(home, "logs")
	require.NoError(t, os.Mkdir(logs, 0o755))
	for _, name := range []string{"esc\x1b[31m", "line\nfeed", "c1\u009b31m", "bidi\u202egol", "zero\u200bwidth", "latin\xff"} {
		require.NoError(t, os.Symlink("/dev/zero", filepath.Join(logs, name+"-out.log")))
	}
	write(t, filepath.Join(logs, "a-out.log"), "a line\n")
	core, seen := observer.New(zapcore.DebugLevel)
	set := receivertest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	sink := new(consumertest.LogsSink)
	r := start(t, testConfig(home), set, componenttest.NewNopHost(), sink)
	require.Eventually(t, func() bool {
		return sink.LogRecordCount() == 1 && seen.FilterMessage("Log file is not read").Len() == 6
	}, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))
	for _, e := range seen.All() {
		assert.Equal(t, safetext.Clean(e.Message), e.Message)
		for _, v := range e.ContextMap() {
			if text, ok := v.(string); ok { // encoders escape line feeds in these
				assert.Equal(t, safetext.Lines(text), text)
			}
		}
	}
}
