// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package tenantregistryextension

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/unprivileged"
)

// To open a named pipe waits for a writer, who may never come.
func TestNamedPipe_InTheFilesPlaceStopsNeitherChangesNorTheShutdown(t *testing.T) {
	f := newFixture(t)
	f.replace(yamlOf("a"))
	f.start()
	require.NoError(t, os.Remove(f.path))
	require.NoError(t, syscall.Mkfifo(f.path, 0o600))
	require.Eventually(t, func() bool { return f.host.status() == componentstatus.StatusRecoverableError }, inForceWithin, inForceWithin/1000)
	f.always("a")
	f.replace(yamlOf("a", "b"))
	f.eventually("a b")
	f.stop()
}

func TestNamedPipe_InTheCopysPlaceStopsNoStart(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = f.path + ".copy"
	require.NoError(t, syscall.Mkfifo(f.cfg.Snapshot, 0o600))
	f.start()
	assert.Equal(t, "none", f.ids())
}

func TestUnreadableFile_IsReadAfterChmod(t *testing.T) {
	if unprivileged.Rerun(t) { // root may read everything
		return
	}
	f := newFixture(t)
	f.replace(yamlOf("a"))
	require.NoError(t, os.Chmod(f.path, 0))
	health, _ := f.startPosted()
	assert.Equal(t, "none", f.ids())
	require.NotNil(t, health().Failure)
	assert.Equal(t, healthboard.FailureUnavailable, health().Failure.Class)
	require.NoError(t, os.Chmod(f.path, 0o600))
	f.eventually("a")
}
