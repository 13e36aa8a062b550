package audit

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forge edits the first entry of the log in dir and makes all hashes fit, as
// somebody does who has everything but the key.
func forge(t *testing.T, dir *Dir, was, is string) {
	t.Helper()
	data, err := os.ReadFile(dir.entries())
	require.NoError(t, err)
	m := &tamper{entries: bytes.Replace(data, []byte(was), []byte(is), 1)}
	require.NotEqual(t, data, m.entries)
	m.rehash()
	require.NoError(t, os.WriteFile(dir.entries(), m.entries, 0o600))
	require.NoError(t, os.WriteFile(dir.hashes(), m.hashes, 0o600))
}

// A gateway that runs signs nothing but what it wrote itself, leaves the evidence,
// and goes on.
func TestSeries_SignsNothingThatWasChangedMeanwhile(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, g *gatewayLog, dir *Dir){
		"an entry and its hashes": func(t *testing.T, _ *gatewayLog, dir *Dir) { forge(t, dir, "10.0.0.1", "10.6.6.6") },
		"an entry more": func(t *testing.T, _ *gatewayLog, dir *Dir) {
			require.NoError(t, appendTo(dir.entries(), []byte("{}\n"), -1))
		},
		"a hash more": func(t *testing.T, _ *gatewayLog, dir *Dir) {
			require.NoError(t, appendTo(dir.hashes(), make([]byte, 32), -1))
		},
		"no entries":  func(t *testing.T, _ *gatewayLog, dir *Dir) { require.NoError(t, os.Remove(dir.entries())) },
		"no hashes":   func(t *testing.T, _ *gatewayLog, dir *Dir) { require.NoError(t, os.Remove(dir.hashes())) },
		"no part":     func(t *testing.T, _ *gatewayLog, dir *Dir) { require.NoError(t, os.RemoveAll(dir.path)) },
		"no log":      func(t *testing.T, g *gatewayLog, _ *Dir) { require.NoError(t, os.RemoveAll(g.set.Path)) },
		"nothing yet": nil,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGatewayLog(t)
			g.set.MaxBytes = 1 << 20
			s := g.open()
			require.NoError(t, s.Append(t.Context(), refusal("10.0.0.1"), refusal("10.0.0.2")))
			if damage == nil {
				require.NoError(t, s.Append(t.Context(), refusal("10.0.0.3")))
				require.NoError(t, s.Close())
				g.whole()
				return
			}
			damage(t, g, NewDir(partPath(g.set.Path, 1)))
			left := g.snapshot()
			require.ErrorIs(t, s.Append(t.Context(), refusal("10.0.0.3")), ErrDamaged)
			require.NoError(t, s.Close())
			assert.Equal(t, left, g.snapshot(), "what was found is left as it was")
			more := strings.HasSuffix(name, " more")
			assert.Equal(t, more, len(g.verify().Faults) == 0)

			s = g.open()
			damaged := s.Damaged() != ""
			assert.NotContains(t, s.Damaged(), "accept-restore", "it goes on by itself")
			require.NoError(t, s.Append(t.Context(), refusal("10.0.0.3")))
			require.Empty(t, s.Damaged())
			require.NoError(t, s.Close())
			sources := g.sources()
			assert.Equal(t, "10.0.0.3", sources[len(sources)-1])
			if more {
				assert.False(t, damaged, "what comes after the last checkpoint may be of a crash, and is cut off")
				g.whole()
				return
			}
			assert.True(t, damaged)
			assert.NotEmpty(t, g.verify().Faults)
		})
	}
}

// The same goes for tenantctl, which makes no change then.
func TestLog_SignsNothingThatWasChangedMeanwhile(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	f.add("b")
	log, err := Open(t.Context(), f.dir, f.keys())
	require.NoError(t, err)
	c, err := log.next(t.Context())
	require.NoError(t, err)
	forge(t, f.dir, "alice", "mallory")
	_, _, err = extend(t.Context(), f.dir, log.key, c, &Entry{})
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorIs(t, log.Append(t.Context(), &Entry{}), ErrDamaged)
}
