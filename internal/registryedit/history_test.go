// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

type recordingJournal struct{ prepared []byte }

func (*recordingJournal) Begin(context.Context, []byte) error { return nil }

func (j *recordingJournal) Prepare(_ context.Context, _ []byte, _ []*tenant.Tenant, after *registryedit.Document) error {
	j.prepared = after.Bytes()
	return nil
}

func (*recordingJournal) Commit(context.Context, []byte) error { return nil }

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
			read := func() ([]byte, registryfile.History) {
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				h, _ := registryfile.HistoryOf(data)
				return data, h
			}
			j := &recordingJournal{}
			nothing := func(*registryedit.Document) error { return nil }
			require.NoError(t, registryedit.EditJournaled(t.Context(), path, false, j, nothing))
			data, _ := read()
			assert.Equal(t, text, string(data), "an edit of nothing writes nothing")
			var before registryfile.History
			const maxTokens = 64 // of the history line
			for n := range maxTokens + 3 {
				require.NoError(t, registryedit.EditJournaled(t.Context(), path, false, j, func(d *registryedit.Document) error { return d.Replace([]byte(text + strings.Repeat("#\n", n+1))) }))
				data, h := read()
				assert.Equal(t, string(j.prepared), string(data))
				assert.Equal(t, text+strings.Repeat("#\n", n+1), string(registryfile.WithoutHistory(data)), "nothing else changes")
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
			// A file from elsewhere brings its history; the one of this file continues.
			foreign := registryfile.WithHistory([]byte("tenants: []\n"), registryfile.History{}.Next(9))
			require.NoError(t, registryedit.EditJournaled(t.Context(), path, false, j, func(d *registryedit.Document) error { return d.Replace(foreign) }))
			_, h := read()
			assert.Equal(t, []any{before.ID, before.Revision + 1, int64(0)}, []any{h.ID, h.Revision, h.Epoch})
			require.NoError(t, registryedit.Accept(t.Context(), path, func(was int64) int64 { return was + 5 }, j, nothing))
			_, h = read()
			assert.Equal(t, []any{int64(5), before.Revision + 2}, []any{h.Epoch, h.Revision})
		})
	}
}
