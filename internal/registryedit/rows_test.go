// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func TestDocumentRows_JoinToTheSameFile(t *testing.T) {
	for name, text := range map[string]string{
		"plain":              "# head\ntenants: # those we have\n  # first\n  - id: a\n    name: A # the first\n\n  - {id: b}\n# end\n",
		"dashes at column 0": "tenants:\n- id: a\n- id: b\n",
		"no tenant":          "# none yet\ntenants: []\n",
		"CRLF":               "tenants:\r\n  - id: a\r\n  - id: b\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := registryedit.NewDocument([]byte(text))
			require.NoError(t, err)
			head, rows, err := d.Rows()
			require.NoError(t, err)
			assert.Len(t, rows, len(d.Tenants()))
			var texts [][]byte
			column := -1
			for n, r := range rows {
				assert.Equal(t, d.Tenants()[n].ID, r.ID)
				c, err := registryfile.CheckRow(r.ID, r.Text)
				require.NoError(t, err)
				if column >= 0 {
					assert.Equal(t, column, c)
				}
				column = c
				texts = append(texts, r.Text)
			}
			assert.Equal(t, text, string(registryfile.Join(head, texts)))
		})
	}
}

func TestDocumentRows_OfOtherLayoutsHaveTheSameContent(t *testing.T) {
	for name, text := range map[string]string{
		"flow list":            "tenants: [{id: a}, {id: b, vars: {x: y}}]\n",
		"no line break at end": "tenants:\n  - id: a\n  - id: b",
		"aliases":              "tenants:\n  - id: a\n    routes: &r {logs: [x]}\n  - id: b\n    routes: *r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := registryedit.NewDocument([]byte(text))
			require.NoError(t, err)
			head, rows, err := d.Rows()
			require.NoError(t, err)
			var texts [][]byte
			for _, r := range rows {
				_, err := registryfile.CheckRow(r.ID, r.Text)
				require.NoError(t, err)
				texts = append(texts, r.Text)
			}
			again, err := registryedit.NewDocument(registryfile.Join(head, texts))
			require.NoError(t, err)
			want, err := registryfile.Format(d.Tenants())
			require.NoError(t, err)
			got, err := registryfile.Format(again.Tenants())
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}
