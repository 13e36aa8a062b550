// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStage_DoesNotTouchARunningDemonstration(t *testing.T) {
	build := t.TempDir()
	first, err := newStage(build, "demo", false)
	require.NoError(t, err)
	file := filepath.Join(first.dir, "state")
	require.NoError(t, os.WriteFile(file, []byte("in use"), 0o600))

	_, err = newStage(build, "demo", false)
	require.ErrorContains(t, err, "another demonstration is running")
	assert.FileExists(t, file, "files of the running demonstration")

	smoke, err := newStage(build, "smoke", true)
	require.NoError(t, err, "a different folder is independent")
	require.NoError(t, smoke.stop(context.Background()))

	require.NoError(t, first.stop(context.Background()))
	next, err := newStage(build, "demo", false)
	require.NoError(t, err)
	assert.NoFileExists(t, file, "a new run starts empty")
	require.NoError(t, next.stop(context.Background()))
}
