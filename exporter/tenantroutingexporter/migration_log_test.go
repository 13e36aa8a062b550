// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
)

// A queue in which nothing can be read does not fill the log.
func TestMigration_LogsTheFirstRequestsThatAreSetAside(t *testing.T) {
	st := newStorage(t, t.TempDir())
	requests, _ := numbered(1, migrationLogged+5)
	fillQueue(t, st, requests...)
	core, logs := observer.New(zap.ErrorLevel)
	set := exportertest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	m := &migration{exporter: oldExporterID, router: &router{set: set, cfg: parseConfig(t, migrationConfig("http://127.0.0.1:1", t.TempDir()))}}
	c, err := st.(storage.Extension).GetClient(t.Context(), component.KindExporter, oldExporterID, "logs")
	require.NoError(t, err)
	m.queue, err = m.list(t.Context(), c)
	require.NoError(t, err)
	for range requests {
		require.NoError(t, m.setAside(t.Context(), []byte("x"), errors.New("cause")))
	}
	assert.Zero(t, m.queue.Len())
	assert.Equal(t, len(requests), m.aside)
	assert.EqualValues(t, len(requests), m.migrations.faults[m.signal].Load())
	assert.Equal(t, migrationLogged, logs.Len())
	require.NoError(t, m.close(t.Context()))
}
