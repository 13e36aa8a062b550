// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Access that cannot be removed now stays in the record: the user must not be deleted, because
// another one may get its number.
func TestRemoveAccess_KeepsWhatIsLeft(t *testing.T) {
	agent, err := user.Lookup(daemonUser)
	require.NoError(t, err)
	entry := "user:" + agent.Uid + ":"
	for name, tt := range map[string]struct {
		change, restore func(t *testing.T, home string)
		left            bool
	}{
		"nothing": {func(*testing.T, string) {}, nil, false},
		"a log file was rotated": {func(t *testing.T, home string) {
			require.NoError(t, os.Remove(filepath.Join(home, ".pm2/logs/web-out.log")))
		}, nil, false},
		"the home is not mounted": {
			func(t *testing.T, home string) {
				require.NoError(t, os.Rename(home, home+".away"))
				require.NoError(t, os.Mkdir(home, 0o755)) // the mount point
			},
			func(t *testing.T, home string) {
				require.NoError(t, os.Remove(home))
				require.NoError(t, os.Rename(home+".away", home))
			}, true,
		},
		"a folder is a link": {
			func(t *testing.T, home string) {
				require.NoError(t, os.Rename(filepath.Join(home, ".pm2"), filepath.Join(home, "moved")))
				require.NoError(t, os.Symlink("moved", filepath.Join(home, ".pm2")))
			},
			func(t *testing.T, home string) {
				require.NoError(t, os.Remove(filepath.Join(home, ".pm2")))
				require.NoError(t, os.Rename(filepath.Join(home, "moved"), filepath.Join(home, ".pm2")))
			}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, 200)
			_, _, err := i.setup(Settings{Env: i.env})
			require.NoError(t, err)
			home := filepath.Join(i.root, "/home/shop")
			require.Contains(t, entries(t, home), entry)
			tt.change(t, home)
			_, err = RemoveAccess(t.Context(), Settings{Root: i.root, Out: io.Discard})
			if !tt.left {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "access may be left")
				require.ErrorContains(t, err, filepath.Join(home, ".pm2"))
				require.NotEmpty(t, i.read(recordFile))
				tt.restore(t, home)
				require.Contains(t, entries(t, home), entry)
				_, err = RemoveAccess(t.Context(), Settings{Root: i.root, Out: io.Discard})
				require.NoError(t, err, "it is back")
			}
			assert.NotContains(t, entries(t, home), entry)
			assert.Empty(t, i.read(recordFile))
		})
	}
}

// entries returns the lists of everything below a folder.
func entries(t *testing.T, folder string) string {
	t.Helper()
	requireGetfacl(t)
	out, err := exec.Command("getfacl", "-R", "-n", "-p", folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
