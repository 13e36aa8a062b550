// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
)

// The folder of the copy belongs to the agent's user, who may be hostile after an attack.
func TestDeliverKey_IsSafeInAFolderOfAHostileUser(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	u, err := user.Lookup(daemonUser)
	require.NoError(t, err)
	uid, _ := strconv.Atoi(u.Uid)
	runtime := filepath.Join(i.root, defaultRuntime)
	victim := filepath.Join(i.root, "victim")
	i.write("/victim", "precious", 0o600)
	i.write(defaultKeyFile, i.key+"\n", 0o600)
	for name, attack := range map[string]func(){
		"nothing":          func() {},
		"link for the key": func() { require.NoError(t, os.Symlink(victim, filepath.Join(runtime, keyName))) },
		"link for the new": func() { require.NoError(t, os.Symlink(victim, filepath.Join(runtime, "."+keyName+".new"))) },
		"hard link":        func() { require.NoError(t, os.Link(victim, filepath.Join(runtime, keyName))) },
	} {
		require.NoError(t, os.RemoveAll(runtime))
		require.NoError(t, os.Mkdir(runtime, 0o700))
		require.NoError(t, os.Chown(runtime, uid, -1))
		attack()
		_, err := DeliverKey(Delivery{Root: i.root})
		require.NoError(t, err, name)
		assert.Equal(t, i.key+"\n", i.read(defaultRuntime+"/"+keyName), name)
		assert.Equal(t, os.FileMode(0o600), i.mode(defaultRuntime+"/"+keyName), name)
		assert.Equal(t, "precious", i.read("/victim"), name)
		agent, err := asuser.Lookup(daemonUser)
		require.NoError(t, err)
		require.NoError(t, agent.Check(filepath.Join(runtime, keyName), asuser.Read), name)
		require.Error(t, agent.Check(victim, asuser.Read), name)
	}
	for name, attack := range map[string]func(){
		"folder of another": func() { require.NoError(t, os.Mkdir(runtime, 0o700)) },
		"link of the user": func() {
			require.NoError(t, os.Symlink("/etc", runtime))
			require.NoError(t, os.Lchown(runtime, uid, -1))
		},
	} {
		require.NoError(t, os.RemoveAll(runtime))
		attack()
		_, err := DeliverKey(Delivery{Root: i.root})
		require.Error(t, err, name)
	}
	i.write(defaultKeyFile, "not a key "+i.key, 0o600)
	_, err = DeliverKey(Delivery{Root: i.root})
	require.ErrorIs(t, err, errNoKey)
	assert.NotContains(t, err.Error(), i.key)
}
