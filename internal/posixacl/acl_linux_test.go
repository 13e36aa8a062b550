// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package posixacl

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const agent = 990

func TestGrant_GivesTheUserAccessAndOthersNothing(t *testing.T) {
	for name, c := range map[string]struct {
		present ACL
		perm    Perm
		want    string
		changes string
	}{
		"closed folder": {FromMode(0o700), 1, "u::rwx,g::---,o::---,u:990:--x,m::--x", "u:990:--x"},
		"group reads":   {FromMode(0o640), 4, "u::rw-,g::r--,o::---,u:990:r--,m::r--", "u:990:r--"},
		"others read":   {FromMode(0o755), 5, "u::rwx,g::r-x,o::r-x,u:990:r-x,m::r-x", "u:990:r-x"},
		"granted already": {
			ACL{{UserObj, 7, noID}, {User, 5, agent}, {GroupObj, 0, noID}, {Mask, 5, noID}, {Other, 0, noID}},
			5,
			"u::rwx,u:990:r-x,g::---,m::r-x,o::---", "",
		},
		// After chmod 700 the mask is closed, and the group has what it had only by name.
		"closed by chmod": {
			ACL{{UserObj, 7, noID}, {User, 5, agent}, {GroupObj, 5, noID}, {Mask, 0, noID}, {Other, 0, noID}},
			5,
			"u::rwx,u:990:r-x,g::---,m::r-x,o::---", "u:990:r-x,g::---,m::r-x",
		},
		"mask limits another user": {
			ACL{{UserObj, 7, noID}, {User, 7, 1000}, {GroupObj, 0, noID}, {Mask, 1, noID}, {Other, 0, noID}},
			5,
			"u::rwx,u:1000:--x,g::---,m::r-x,o::---,u:990:r-x", "u:990:r-x,u:1000:--x,m::r-x",
		},
		"more for the same user": {
			ACL{{UserObj, 7, noID}, {User, 1, agent}, {GroupObj, 0, noID}, {Mask, 1, noID}, {Other, 0, noID}},
			4,
			"u::rwx,u:990:r-x,g::---,m::r-x,o::---", "u:990:r-x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, changes := c.present.Grant(agent, c.perm)
			assert.Equal(t, c.want, got.String())
			assert.Equal(t, c.changes, strings.Join(changes, ","))
			p, ok := got.Effective(agent)
			assert.True(t, ok)
			assert.Equal(t, c.perm, p&c.perm)
			// What others have is the same, for every entry.
			for _, e := range c.present {
				if e.Tag == User && e.ID == agent {
					continue
				}
				assert.Equal(t, effective(c.present, e), effective(got, find(t, got, e)), "%v", e)
			}
			again, changes := got.Grant(agent, c.perm)
			assert.Empty(t, changes)
			assert.Equal(t, got, again)
		})
	}
}

func find(t *testing.T, a ACL, like Entry) Entry {
	t.Helper()
	if like.Tag == Mask {
		return like
	}
	for _, e := range a {
		if e.Tag == like.Tag && e.ID == like.ID {
			return e
		}
	}
	require.Fail(t, "an entry is missing", "%v", like)
	return Entry{}
}

// effective is what an entry permits.
func effective(a ACL, e Entry) Perm {
	if m := a.find(Mask); m >= 0 && e.limited() {
		return e.Perm & a[m].Perm
	}
	return e.Perm
}

func TestRevoke_RestoresWhatWasThere(t *testing.T) {
	for _, mode := range []uint32{0o700, 0o750, 0o755, 0o640, 0o600, 0o711, 0o644} {
		before := FromMode(mode)
		granted, _ := before.Grant(agent, 5)
		after, changed := granted.Revoke(agent)
		assert.True(t, changed)
		assert.Equal(t, before, after, "%o", mode)
		_, changed = after.Revoke(agent)
		assert.False(t, changed)
	}
	other := ACL{{UserObj, 7, noID}, {User, 4, 1000}, {User, 5, agent}, {GroupObj, 5, noID}, {Mask, 5, noID}, {Other, 0, noID}}
	after, _ := other.Revoke(agent)
	assert.Equal(t, "u::rwx,u:1000:r--,g::r-x,m::r-x,o::---", after.String())
}

func TestDecode_RejectsOtherFormats(t *testing.T) {
	for _, b := range [][]byte{nil, {1, 0, 0, 0}, {2, 0, 0, 0}, {2, 0, 0, 0, 1}, append([]byte{2, 0, 0, 0}, make([]byte, 8)...)} {
		_, err := Decode(b)
		require.Error(t, err)
	}
	a, _ := FromMode(0o750).Grant(agent, 5)
	back, err := Decode(a.Encode())
	require.NoError(t, err)
	assert.ElementsMatch(t, a, back)
}

// getfacl reads what Set has written, and Get what setfacl has.
func TestSet_IsWhatToolsRead(t *testing.T) {
	if _, err := exec.LookPath("getfacl"); err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("REQUIRE_REAL=1 and there is no getfacl")
		}
		t.Skip("there is no getfacl (apt-get install acl)")
	}
	dir := filepath.Join(t.TempDir(), "d")
	require.NoError(t, os.Mkdir(dir, 0o700))
	f, err := os.Open(dir)
	require.NoError(t, err)
	defer f.Close()
	none, err := Get(f, Access)
	require.NoError(t, err)
	assert.Nil(t, none)
	a, _ := FromMode(0o700).Grant(agent, 5)
	require.NoError(t, Set(f, Access, a))
	require.NoError(t, Set(f, Default, a))
	out, err := exec.Command("getfacl", "-n", "-c", "-p", dir).Output()
	require.NoError(t, err)
	assert.Equal(t, "user::rwx\nuser:990:r-x\ngroup::---\nmask::r-x\nother::---\ndefault:user::rwx\ndefault:user:990:r-x\ndefault:group::---\ndefault:mask::r-x\ndefault:other::---\n\n", string(out))
	require.NoError(t, exec.Command("setfacl", "-m", "u:991:r", dir).Run())
	got, err := Get(f, Access)
	require.NoError(t, err)
	assert.Equal(t, "u::rwx,u:990:r-x,u:991:r--,g::---,m::r-x,o::---", got.String())
	require.NoError(t, Set(f, Default, nil))
	require.NoError(t, Set(f, Default, nil), "removing what is not there is no error")
	none, err = Get(f, Default)
	require.NoError(t, err)
	assert.Nil(t, none)
	// A list without entries of its own is the mode.
	after, _ := FromMode(0o750).Grant(agent, 5)
	after, _ = after.Revoke(agent)
	require.NoError(t, Set(f, Access, after))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o750), info.Mode().Perm())
}
