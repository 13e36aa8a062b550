// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCreateKey_ConcurrentCallsCreateOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var created sync.Map
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			key, err := CreateKey(path)
			if err != nil {
				assert.ErrorIs(t, err, fs.ErrExist)
				return
			}
			created.Store(key.Public(), true)
		})
	}
	all.Wait()
	key, err := ReadKey(path)
	require.NoError(t, err)
	n := 0
	created.Range(func(public, _ any) bool {
		n++
		assert.Equal(t, key.Public(), public)
		return true
	})
	assert.Equal(t, 1, n)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	items, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, items, 1, "no temporary file remains")
}
