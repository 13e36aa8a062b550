// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestCompare(t *testing.T) {
	taken := Version{KindPostgres, "r", 5, 17, "t17"}
	file := Version{KindFile, "r", 5, 17, "t17"}
	with := func(m Version, change func(*Version)) Version { change(&m); return m }
	for name, test := range map[string]struct {
		last, now Version
		contains  Answer
		want      Relation
		reason    string
	}{
		"nothing was taken":             {Version{}, taken, No, Descends, ""},
		"the same":                      {taken, taken, Unknown, Descends, ""},
		"a successor":                   {taken, with(taken, func(m *Version) { m.Revision, m.Token = 18, "t18" }), Yes, Descends, ""},
		"another at the same number":    {taken, with(taken, func(m *Version) { m.Token = "x" }), Unknown, Forked, "at revision 17 like the registry in force, with other changes"},
		"behind":                        {taken, with(taken, func(m *Version) { m.Revision, m.Token = 16, "t16" }), Unknown, Forked, "at revision 16, behind revision 17"},
		"ahead, with another 17":        {taken, with(taken, func(m *Version) { m.Revision, m.Token = 30, "x" }), No, Forked, "its revision 17 is not the one in force"},
		"another registry":              {taken, with(taken, func(m *Version) { m.Registry = "s" }), Unknown, Forked, "it is the registry s, and r is in force"},
		"accepted":                      {taken, with(taken, func(m *Version) { m.Epoch, m.Revision, m.Token = 6, 3, "x" }), No, Accepted, ""},
		"another registry, accepted":    {taken, Version{KindPostgres, "s", 6, 1, "x"}, Unknown, Accepted, ""},
		"from before it was accepted":   {taken, with(taken, func(m *Version) { m.Epoch, m.Revision = 4, 99 }), Yes, Forked, "epoch 4, and epoch 5 is in force"},
		"tables without a history":      {taken, with(taken, func(m *Version) { m.Revision, m.Token = 18, "t18" }), Unknown, Unproven, ""},
		"a file that is far ahead":      {file, with(file, func(m *Version) { m.Revision, m.Token = 99, "t99" }), Unknown, Untraced, ""},
		"a file that lost its history":  {file, Version{Kind: KindFile}, Unknown, Forked, "it has no history any more"},
		"a file that never had one":     {Version{Kind: KindFile}, Version{Kind: KindFile}, Unknown, Unproven, ""},
		"a file that begins one":        {Version{Kind: KindFile}, with(file, func(m *Version) { m.Epoch = 0 }), Unknown, Unproven, ""},
		"from a file to a database":     {file, taken, Unknown, Untraced, ""},
		"from a database to a file":     {taken, Version{Kind: KindFile}, Unknown, Untraced, ""},
		"to a file, accepted":           {taken, with(file, func(m *Version) { m.Epoch = 6 }), Unknown, Accepted, ""},
		"to a file from before, also":   {taken, with(file, func(m *Version) { m.Epoch = 4 }), Unknown, Untraced, ""},
		"another registry, same number": {taken, Version{KindPostgres, "s", 5, 17, "t17"}, Yes, Forked, "it is the registry s"},
	} {
		got, reason := Compare(test.last, test.now, test.contains)
		assert.Equal(t, test.want, got, name)
		if test.reason == "" {
			assert.Empty(t, reason, name)
		} else {
			assert.Contains(t, reason, test.reason, name)
		}
	}
}

func TestMark_IsWrittenAndRead(t *testing.T) {
	for _, m := range []Version{{}, {Kind: KindFile}, {KindPostgres, "0b", 1, 2, "t"}} {
		got, err := ParseVersion(m.String())
		require.NoError(t, err)
		assert.Equal(t, m, got)
	}
	for _, text := range []string{"", "x", "file r 1 2", "file r x 2 t", "file r 1 -2 t", "file r 1 2 t u"} {
		_, err := ParseVersion(text)
		assert.Error(t, err, text)
	}
}

func TestCommand(t *testing.T) {
	assert.Equal(t, "tenantctl registry accept-restore", Command(Version{}))
	assert.Equal(t, "tenantctl registry accept-restore --above 7", Command(Version{Epoch: 7}))
}

const newer = `tenants:
  - id: a
    keys:
      - {id: revoked, sha256: "0000000000000000000000000000000000000000000000000000000000000001", scopes: [logs], revoked_at: 2026-02-03T04:05:06Z}
      - {id: renamed, sha256: "0000000000000000000000000000000000000000000000000000000000000002", scopes: [logs], revoked_at: 2026-02-03T04:05:06Z}
      - {id: ends, sha256: "0000000000000000000000000000000000000000000000000000000000000003", scopes: [logs], expires_at: 2026-06-01T00:00:00Z}
      - {id: longer, sha256: "0000000000000000000000000000000000000000000000000000000000000004", scopes: [logs], expires_at: 2028-01-01T00:00:00Z}
      - {id: made, sha256: "0000000000000000000000000000000000000000000000000000000000000005", scopes: [logs]}
  - {id: suspended, status: suspended}
  - {id: deleted, status: deleted}
  - {id: resumed}
  - {id: late}
`

const older = `# comments stay
tenants:
  - id: a
    keys:
      - {id: revoked, sha256: "0000000000000000000000000000000000000000000000000000000000000001", scopes: [logs]} # here too
      - {id: was, sha256: "0000000000000000000000000000000000000000000000000000000000000002", scopes: [logs]}
      - {id: ends, sha256: "0000000000000000000000000000000000000000000000000000000000000003", scopes: [logs]}
      - {id: longer, sha256: "0000000000000000000000000000000000000000000000000000000000000004", scopes: [logs], expires_at: 2027-01-01T00:00:00Z}
  - {id: suspended}
  - {id: deleted}
  - {id: resumed, status: suspended}
`

func TestEndAgain(t *testing.T) {
	after, err := registryfile.Parse([]byte(newer))
	require.NoError(t, err)
	d, err := registryedit.NewDocument([]byte(older))
	require.NoError(t, err)
	kept, err := EndAgain(d, IndexOf(after), nil)
	require.NoError(t, err)
	var texts []string
	for _, e := range kept {
		texts = append(texts, e.String())
	}
	assert.ElementsMatch(t, []string{
		"key revoked of tenant a was revoked at 2026-02-03T04:05:06Z", "key was of tenant a was revoked at 2026-02-03T04:05:06Z",
		"key ends of tenant a was to end at 2026-06-01T00:00:00Z", "tenant suspended was suspended", "tenant deleted was deleted",
	}, texts)
	assert.Len(t, kept.Finals(), 3)
	assert.Contains(t, string(d.Bytes()), "# comments stay")
	now := NewIndex(d.Tenants())
	assert.Empty(t, Reactivated(IndexOf(after), now))
	assert.Equal(t, tenant.StatusSuspended, now.byID["resumed"].Status, "nothing begins to work")
	assert.Equal(t, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), now.keys["longer"].ExpiresAt.UTC())
	again, err := EndAgain(d, IndexOf(after), nil)
	require.NoError(t, err)
	assert.Empty(t, again)

	lost := Lost(IndexOf(after), now)
	require.Len(t, lost, 2)
	assert.Equal(t, "key made of tenant a was created after the backup: data with this key is rejected", lost[0].String())
	assert.Equal(t, "tenant late was created after the backup: its data is rejected", lost[1].String())
}
