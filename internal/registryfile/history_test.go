package registryfile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

type quietJournal struct{ prepared []byte }

func (*quietJournal) Begin(context.Context, []byte) error { return nil }

func (j *quietJournal) Prepare(_ context.Context, _ []byte, _ []*tenant.Tenant, after *Document) error {
	j.prepared = after.Bytes()
	return nil
}

func (*quietJournal) Commit(context.Context, []byte) error { return nil }

func TestHistory_FollowsEveryEdit(t *testing.T) {
	for name, text := range map[string]string{
		"plain":           "# ours\ntenants:\n  - id: a\n",
		"CRLF":            "# ours\r\ntenants:\r\n  - id: a\r\n",
		"document marker": "---\ntenants:\n  - id: a\n",
		"byte order mark": "\uFEFFtenants:\n  - id: a\n",
		"flow":            "tenants: [{id: a}]\n",
		"JSON":            "{\"tenants\": [{\"id\": \"a\"}]}\n",
		"indented twice":  "tenants:\n    - id: a\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tenants.yaml")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			read := func() ([]byte, History) {
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				h, _ := HistoryOf(data)
				return data, h
			}
			j := &quietJournal{}
			nothing := func(*Document) error { return nil }
			require.NoError(t, EditJournaled(t.Context(), path, false, j, nothing))
			data, _ := read()
			assert.Equal(t, text, string(data), "an edit of nothing writes nothing")
			var before History
			for n := range maxTokens + 3 {
				require.NoError(t, EditJournaled(t.Context(), path, false, j, func(d *Document) error { return d.Replace([]byte(text + strings.Repeat("#\n", n+1))) }))
				data, h := read()
				assert.Equal(t, string(j.prepared), string(data))
				assert.Equal(t, text+strings.Repeat("#\n", n+1), string(WithoutHistory(data)), "nothing else changes")
				assert.Equal(t, int64(n+1), h.Revision)
				assert.Len(t, h.Tokens, min(n+1, maxTokens))
				if n > 0 {
					assert.Equal(t, before.ID, h.ID)
					assert.NotEqual(t, before.Tokens[0], h.Tokens[0])
					token, ok := h.Token(before.Revision)
					assert.True(t, ok)
					assert.Equal(t, before.Tokens[0], token)
				}
				before = h
			}
			_, ok := before.Token(3)
			assert.False(t, ok)
			_, ok = before.Token(before.Revision + 1)
			assert.False(t, ok)
			// A file from elsewhere brings its history; the one of this file goes on.
			foreign := withHistory([]byte("tenants: []\n"), History{}.next(9))
			require.NoError(t, EditJournaled(t.Context(), path, false, j, func(d *Document) error { return d.Replace(foreign) }))
			_, h := read()
			assert.Equal(t, []any{before.ID, before.Revision + 1, int64(0)}, []any{h.ID, h.Revision, h.Epoch})
			require.NoError(t, Accept(t.Context(), path, func(was int64) int64 { return was + 5 }, j, nothing))
			_, h = read()
			assert.Equal(t, []any{int64(5), before.Revision + 2}, []any{h.Epoch, h.Revision})
		})
	}
}

func TestHistoryOf_TakesNothingElse(t *testing.T) {
	line := string(withHistory(nil, History{}.next(0)))
	for name, text := range map[string]string{
		"none":            "tenants: []\n",
		"empty":           "",
		"after the head":  "tenants: []\n" + line,
		"twice":           line + line + "tenants: []\n",
		"no token":        "# history: registry 0123456789abcdef epoch 0 revision 1 tokens \ntenants: []\n",
		"a short token":   "# history: registry 0123456789abcdef epoch 0 revision 1 tokens 0123\ntenants: []\n",
		"a huge number":   "# history: registry 0123456789abcdef epoch 0 revision 9999999999999999999 tokens 0123456789ab\ntenants: []\n",
		"the operator's":  "# history: of this file\ntenants: []\n",
		"indented":        " " + line + "tenants: []\n",
		"without its end": strings.TrimSuffix(line, "\n"),
	} {
		_, ok := HistoryOf([]byte(text))
		assert.False(t, ok, name)
	}
	_, ok := HistoryOf([]byte("# before\n\n" + line + "tenants: []\n"))
	assert.True(t, ok)
}

func TestCheckHead(t *testing.T) {
	for head, good := range map[string]bool{
		"tenants:\n": true, "# x\ntenants: # y\n": true, "tenants: []\n": true, "---\ntenants:\n": true, Empty: true,
		"": false, "tenants: [{id: a}]\n": false, "tenants:\n  - id: a\n": false, "x: 1\ntenants:\n": false, "tenants: x\n": false,
	} {
		err := CheckHead([]byte(head))
		assert.Equal(t, good, err == nil, "%q: %v", head, err)
	}
}
