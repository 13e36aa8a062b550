package storagecheckextension

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

// A file that was set aside is a condition for an hour.
func TestConditions_SayWhatWasSetAside(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"exporter_a_", "receiver_b_"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), bytes.Repeat([]byte("no queue"), 4096), 0o600))
	}
	s, err := newStorageCheck(extensiontest.NewNopSettings(metadata.Type), &Config{Directory: dir})
	require.NoError(t, err)
	assert.Empty(t, s.findings(time.Now()))
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	got := s.findings(s.started.Add(time.Minute))
	require.Len(t, got, 1)
	assert.Equal(t, condition.StorageDamaged, got[0].Name)
	assert.Contains(t, got[0].Message, "2 queue or checkpoint files were set aside: "+filepath.Join(dir, "exporter_a_"))
	assert.Empty(t, s.findings(s.started.Add(time.Hour)))
	require.NoError(t, s.Shutdown(t.Context()))

	s, err = newStorageCheck(extensiontest.NewNopSettings(metadata.Type), &Config{Directory: dir})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	assert.Empty(t, s.findings(s.started), "the next start finds nothing")
	require.NoError(t, s.Shutdown(t.Context()))
}
