package registryfile_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestRows_JoinAgainToTheSameFile(t *testing.T) {
	for name, text := range map[string]string{
		"plain":              "# head\ntenants: # those we have\n  # first\n  - id: a\n    name: A # the first\n\n  - {id: b}\n# end\n",
		"dashes at column 0": "tenants:\n- id: a\n- id: b\n",
		"no tenant":          "# none yet\ntenants: []\n",
		"CRLF":               "tenants:\r\n  - id: a\r\n  - id: b\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := registryfile.NewDocument([]byte(text))
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

func TestRows_OfOtherLayoutsSayTheSame(t *testing.T) {
	for name, text := range map[string]string{
		"flow list":            "tenants: [{id: a}, {id: b, vars: {x: y}}]\n",
		"no line break at end": "tenants:\n  - id: a\n  - id: b",
		"aliases":              "tenants:\n  - id: a\n    routes: &r {logs: [x]}\n  - id: b\n    routes: *r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := registryfile.NewDocument([]byte(text))
			require.NoError(t, err)
			head, rows, err := d.Rows()
			require.NoError(t, err)
			var texts [][]byte
			for _, r := range rows {
				_, err := registryfile.CheckRow(r.ID, r.Text)
				require.NoError(t, err)
				texts = append(texts, r.Text)
			}
			again, err := registryfile.NewDocument(registryfile.Join(head, texts))
			require.NoError(t, err)
			want, err := registryfile.Format(d.Tenants())
			require.NoError(t, err)
			got, err := registryfile.Format(again.Tenants())
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}

func TestJoin_OpensAndClosesTheList(t *testing.T) {
	assert.Equal(t, "# x\ntenants:\n  - id: a\n", string(registryfile.Join([]byte("# x\ntenants: []\n"), [][]byte{[]byte("  - id: a\n")})))
	s, err := registryfile.Parse(registryfile.Join([]byte("# x\ntenants: # y\n"), nil))
	require.NoError(t, err)
	assert.Zero(t, s.Len())
}

func TestCheckRow_Refusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "whole lines",
		"  - id: a":                 "whole lines",
		"  id: a\n":                 "whole lines",
		"  - id: a\n  - id: b\n":    "exactly one",
		"  - id: a\nother: x\n":     "exactly one",
		"  - id: b\n":               `is about the tenant "b"`,
		"  - name: b\n":             `is about the tenant ""`,
		"  - id: a\n    x: [\n":     "not valid YAML",
		"  - id: a\n---\n- id: b\n": "exactly one",
	} {
		_, err := registryfile.CheckRow("a", []byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
	column, err := registryfile.CheckRow(tenant.ID("a"), []byte("    - id: a\n      colour: red\n"))
	require.NoError(t, err, "other faults are for Parse to tell")
	assert.Equal(t, 4, column)
}
