package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStage_LeavesARunningOneAlone(t *testing.T) {
	build := t.TempDir()
	first, err := newStage(build, "demo", false)
	require.NoError(t, err)
	file := filepath.Join(first.dir, "state")
	require.NoError(t, os.WriteFile(file, []byte("in use"), 0o600))

	_, err = newStage(build, "demo", false)
	require.ErrorContains(t, err, "another one is running")
	assert.FileExists(t, file, "the running one's files are its own")

	smoke, err := newStage(build, "smoke", true)
	require.NoError(t, err, "another folder is another stage")
	require.NoError(t, smoke.stop(context.Background()))

	require.NoError(t, first.stop(context.Background()))
	next, err := newStage(build, "demo", false)
	require.NoError(t, err)
	assert.NoFileExists(t, file, "a new run begins with nothing")
	require.NoError(t, next.stop(context.Background()))
}
