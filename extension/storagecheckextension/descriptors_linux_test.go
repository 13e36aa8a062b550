// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
)

func TestCheck_KeepsFileThatCannotBeOpened(t *testing.T) {
	f := newFolder(t, "one")
	core, logs := observer.New(zap.DebugLevel)
	set := extensiontest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	s, err := newStorageCheck(set, &Config{Directory: f.dir})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Shutdown(t.Context())) }()

	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := syscall.Rlimit{Cur: 0, Max: limit.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	err = s.check(t.Context(), "receiver_one_")
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))

	require.NoError(t, err)
	assert.Equal(t, []string{"receiver_one_"}, f.names())
	require.Equal(t, 1, logs.Len())
	entry := logs.All()[0]
	assert.Equal(t, zap.WarnLevel, entry.Level)
	assert.Equal(t, filepath.Join(f.dir, "receiver_one_"), entry.ContextMap()["file"])
	assert.Contains(t, entry.ContextMap()["error"], "too many open files")
}
