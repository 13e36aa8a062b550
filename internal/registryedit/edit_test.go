// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func add(id string) func(*registryedit.Document) error {
	return func(d *registryedit.Document) error {
		return d.Add(&tenant.Tenant{ID: tenant.ID(id), Status: tenant.StatusActive, Isolation: tenant.IsolationShared})
	}
}

func TestEdit_NeedsAFile(t *testing.T) {
	dir := t.TempDir()
	err := registryedit.Edit(t.Context(), filepath.Join(dir, "tenants.yaml"), add("a"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "no lock is left where there is no registry")
}

func TestEditOrCreate_MakesAFileForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	require.NoError(t, registryedit.EditOrCreate(t.Context(), path, add("a")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	assert.Equal(t, []string{"a"}, idsIn(t, path))
}

func TestEdit_KeepsModeAndLink(t *testing.T) {
	real, links := t.TempDir(), t.TempDir()
	path, link := filepath.Join(real, "tenants.yaml"), filepath.Join(links, "tenants.yaml")
	require.NoError(t, os.WriteFile(path, []byte("tenants: []\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, registryedit.Edit(t.Context(), link, add("a")))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	info, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode())
	assert.Equal(t, []string{"a"}, idsIn(t, path))

	dangling := filepath.Join(links, "dangling")
	require.NoError(t, os.Symlink(filepath.Join(real, "none"), dangling))
	require.ErrorContains(t, registryedit.EditOrCreate(t.Context(), dangling, add("a")), "symbolic link")
}

func TestEdit_WritesOnlyValidRegistries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	bad := []byte("tenants:\n  - id: a\n    colour: red\n")
	require.NoError(t, os.WriteFile(path, bad, 0o600))
	err := registryedit.Edit(t.Context(), path, add("b"))
	var faults registryfile.Faults
	require.ErrorAs(t, err, &faults)
	require.ErrorContains(t, err, path)
	assert.Equal(t, 3, faults[0].Line)
	assertContent(t, path, bad)

	good := []byte("tenants: []\n")
	require.NoError(t, os.WriteFile(path, good, 0o600))
	require.Error(t, registryedit.Edit(t.Context(), path, add("a/b")))
	assertContent(t, path, good)
	failed := errors.New("no")
	require.ErrorIs(t, registryedit.Edit(t.Context(), path, func(d *registryedit.Document) error {
		return errors.Join(add("a")(d), failed)
	}), failed)
	assertContent(t, path, good)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*new*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestEdit_WithoutChangeKeepsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	require.NoError(t, os.WriteFile(path, []byte("tenants: []\n"), 0o600))
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, registryedit.Edit(t.Context(), path, func(*registryedit.Document) error { return nil }))
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
}

func TestEdit_ParallelEditsLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	const edits = 40
	errs := make([]error, edits)
	var wg sync.WaitGroup
	for n := range edits {
		wg.Go(func() {
			errs[n] = registryedit.EditOrCreate(context.Background(), path, add(fmt.Sprintf("t%02d", n)))
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	assert.Len(t, idsIn(t, path), edits)
}

func TestEdit_FailsWhileTheFileIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	require.NoError(t, os.WriteFile(path, []byte("tenants: []\n"), 0o600))
	held := flock.New(filepath.Join(filepath.Dir(path), ".tenants.yaml.lock"))
	require.NoError(t, held.Lock())
	defer func() { require.NoError(t, held.Unlock()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, registryedit.Edit(ctx, path, add("a")), registryedit.ErrLocked)
}

func assertContent(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func idsIn(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	snapshot, err := registryfile.Parse(data)
	require.NoError(t, err)
	var ids []string
	for tn := range snapshot.Tenants() {
		ids = append(ids, string(tn.ID))
	}
	return ids
}

func TestEdit_OfAFolderLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	for _, edit := range []func(context.Context, string, func(*registryedit.Document) error) error{registryedit.Edit, registryedit.EditOrCreate} {
		require.ErrorContains(t, edit(context.Background(), dir, func(*registryedit.Document) error { return nil }), "not a regular file")
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
