// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package admit

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file that this process has open for writing is its own, under each of its names;
// one that it only reads is not.
func TestOwn_FindsWhatIsOpenForWriting(t *testing.T) {
	dir := t.TempDir()
	mine, read, link, hard := filepath.Join(dir, "mine"), filepath.Join(dir, "read"), filepath.Join(dir, "link"), filepath.Join(dir, "hard")
	require.NoError(t, os.WriteFile(read, []byte("of another user"), 0o600))
	r, err := os.Open(read)
	require.NoError(t, err)
	defer r.Close()
	for _, flag := range []int{os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND} {
		f, err := os.OpenFile(mine, flag|os.O_CREATE, 0o600)
		require.NoError(t, err)
		if flag == os.O_WRONLY {
			require.NoError(t, os.Symlink(mine, link))
			require.NoError(t, os.Link(mine, hard))
		}
		g := New(Settings{User: uint32(os.Getuid()), AnyOwner: true, Own: NewOwn(func(string) string { return "" })})
		for _, path := range []string{mine, link, hard} {
			refused := Refused(g.Check(path))
			require.NotNil(t, refused, path)
			assert.Equal(t, OwnFile, refused.Reason)
			_, err = g.Open(path)
			require.NotNil(t, Refused(err))
		}
		require.NoError(t, g.Check(read))
		opened, err := g.Open(read)
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		assert.Equal(t, "of another user", string(content))
		require.NoError(t, opened.Close())
		require.NoError(t, f.Close())
	}
}
