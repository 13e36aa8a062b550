// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const commented = `# our customers
tenants:
  # the first
  - id: tenant-a          # since 2024
    name: "Tenant A Ltd"

    status: active        # active | suspended
    isolation: dedicated
    vars:
      # where SigNoz runs
      signoz_endpoint: signoz.a.example:4317
    routes: {logs: [signoz], traces: [signoz]}
    keys:
      # the first VM
      - {id: k1, sha256: "0000000000000000000000000000000000000000000000000000000000000001", scopes: [logs]}   # vm-1

      - id: k2
        sha256: "0000000000000000000000000000000000000000000000000000000000000002"
        scopes: [logs, traces]

  # the second
  - id: tenant-b
  # the end
`

func document(t *testing.T, text string) *registryedit.Document {
	t.Helper()
	d, err := registryedit.NewDocument([]byte(text))
	require.NoError(t, err)
	return d
}

// edited returns the lines that differ between two texts, "-" for one that went
// and "+" for one that came.
func edited(before, after string) []string {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	var diff []string
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		old, now = old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	for _, line := range old {
		diff = append(diff, "-"+line)
	}
	for _, line := range now {
		diff = append(diff, "+"+line)
	}
	return diff
}

func TestDocument_UpdateChangesOnlyTheLinesOfAField(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		tenant tenant.ID
		change func(t *tenant.Tenant)
		want   []string
	}{
		{"status keeps its comment", "tenant-a", func(t *tenant.Tenant) { t.Status = tenant.StatusSuspended }, []string{
			"-    status: active        # active | suspended",
			"+    status: suspended # active | suspended",
		}},
		{"a variable is added below a comment", "tenant-a", func(t *tenant.Tenant) { t.Vars["token"] = "${file:/run/x}" }, []string{
			"+      token: ${file:/run/x}",
		}},
		{"a route changes", "tenant-a", func(t *tenant.Tenant) { t.Routes[tenant.Logs] = []string{"signoz", "loki"} }, []string{
			"-    routes: {logs: [signoz], traces: [signoz]}",
			"+    routes: {logs: [signoz, loki], traces: [signoz]}",
		}},
		{"a flow key is revoked", "tenant-a", func(t *tenant.Tenant) { t.Keys[0].RevokedAt = at }, []string{
			`-      - {id: k1, sha256: "0000000000000000000000000000000000000000000000000000000000000001", scopes: [logs]}   # vm-1`,
			`+      - {id: k1, sha256: "0000000000000000000000000000000000000000000000000000000000000001", scopes: [logs], revoked_at: '2026-01-02T03:04:05Z'} # vm-1`,
		}},
		{"a block key is revoked", "tenant-a", func(t *tenant.Tenant) { t.Keys[1].RevokedAt = at }, []string{
			"+        revoked_at: 2026-01-02T03:04:05Z",
		}},
		{"a key is added after the last", "tenant-a", func(t *tenant.Tenant) {
			t.Keys = append(t.Keys, &tenant.Key{ID: "k3", Digest: tenant.Digest{0xab}, Scopes: tenant.NewSignals(tenant.Logs), CreatedAt: at})
		}, []string{
			"+      - {id: k3, sha256: ab00000000000000000000000000000000000000000000000000000000000000, scopes: [logs], created_at: '2026-01-02T03:04:05Z'}",
		}},
		{"a field is removed", "tenant-a", func(t *tenant.Tenant) { t.Name = "" }, []string{
			`-    name: "Tenant A Ltd"`,
		}},
		{"fields are added in their order", "tenant-b", func(t *tenant.Tenant) {
			t.Limits.DailyBytes = 20 << 30
			t.Limits.Rates[tenant.Logs].RecordsPerSecond = 5000
			t.Name = "B"
			t.Keys = []*tenant.Key{{ID: "k9", Digest: tenant.Digest{1}, Scopes: tenant.NewSignals(tenant.Logs)}}
		}, []string{
			"+    name: B",
			"+    limits: {logs: {records_per_second: 5000}, daily_bytes: 20GiB}",
			"+    keys:",
			"+      - {id: k9, sha256: \"0100000000000000000000000000000000000000000000000000000000000000\", scopes: [logs]}",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, newline := range []string{"\n", "\r\n"} {
				d := document(t, strings.ReplaceAll(commented, "\n", newline))
				require.NoError(t, d.Update(tt.tenant, func(t *tenant.Tenant) error { tt.change(t); return nil }))
				after := string(d.Bytes())
				if newline == "\r\n" {
					assert.Equal(t, strings.Count(after, "\n"), strings.Count(after, "\r\n"))
					after = strings.ReplaceAll(after, newline, "\n")
				}
				assert.Equal(t, tt.want, edited(commented, after), after)
			}
		})
	}
}

func TestDocument_Add(t *testing.T) {
	d := document(t, commented)
	require.NoError(t, d.Add(&tenant.Tenant{ID: "c", Status: tenant.StatusActive, Isolation: tenant.IsolationShared}))
	assert.Equal(t, []string{"+  - id: c", "+    status: active", "+    isolation: shared"}, edited(commented, string(d.Bytes())))
	require.ErrorIs(t, d.Add(&tenant.Tenant{ID: "tenant-a"}), registryedit.ErrDuplicateTenant)
	require.ErrorIs(t, d.Update("x", func(*tenant.Tenant) error { return nil }), registryedit.ErrUnknownTenant)

	before := string(d.Bytes())
	err := d.Add(&tenant.Tenant{ID: "bad id", Status: tenant.StatusActive, Isolation: tenant.IsolationShared})
	require.ErrorContains(t, err, "bad id")
	assert.Equal(t, before, string(d.Bytes()), "a failed change leaves the document as it was")
}

func TestDocument_AddToEmptyList(t *testing.T) {
	for _, text := range []string{"tenants: []\n", "# x\ntenants: [ ] # none yet\n# y\n", "tenants: []"} {
		d := document(t, text)
		require.NoError(t, d.Add(&tenant.Tenant{ID: "a", Status: tenant.StatusActive, Isolation: tenant.IsolationShared}))
		require.NoError(t, d.Add(&tenant.Tenant{ID: "b", Status: tenant.StatusActive, Isolation: tenant.IsolationShared}))
		assert.Len(t, d.Tenants(), 2)
		assert.Contains(t, string(d.Bytes()), "  - id: a\n    status: active\n    isolation: shared\n  - id: b\n")
	}
}

// Entries written in other ways are rewritten as a whole, and still say what
// was asked for.
func TestDocument_UpdateOfUnusualEntries(t *testing.T) {
	for _, text := range []string{
		"tenants:\n- {id: a, status: active} # c\n- id: b\n",
		"tenants:\n-\n  id: a\n- id: b\n",
		"tenants:\n- name: x\n  id: a\n  keys: [{id: k1, sha256: \"0000000000000000000000000000000000000000000000000000000000000001\", scopes: [logs]}]\n- id: b",
		"tenants:\n- id: a\n  keys: []\n- id: b\n",
		"tenants:\n- id: a\n  keys:\n  -\n    {id: k1, sha256: \"0000000000000000000000000000000000000000000000000000000000000001\", scopes: [logs]}\n- id: b\n",
		"tenants:\n- id: a\n  name: \"two\n   lines\"\n- id: b\n",
	} {
		d := document(t, text)
		require.NoError(t, d.Update("a", func(a *tenant.Tenant) error {
			a.Name, a.Status = "", tenant.StatusSuspended
			a.Keys = append(a.Keys, &tenant.Key{ID: "k7", Digest: tenant.Digest{7}, Scopes: tenant.NewSignals(tenant.Traces)})
			return nil
		}), text)
		got, err := d.Tenant("a")
		require.NoError(t, err)
		assert.Equal(t, tenant.StatusSuspended, got.Status, text)
		assert.Empty(t, got.Name, text)
		assert.Equal(t, "k7", got.Keys[len(got.Keys)-1].ID, text)
		b, err := d.Tenant("b")
		require.NoError(t, err)
		assert.Equal(t, tenant.StatusActive, b.Status)
	}
}

func TestDocument_RejectsLayoutsThatItCannotKeep(t *testing.T) {
	for _, text := range []string{`{"tenants": [{"id": "a"}]}`, "tenants:\n- &x\n  id: a\n  routes: &r {logs: [l]}\n- id: b\n  routes: *r\n"} {
		d := document(t, text)
		require.Error(t, d.Update("b", func(b *tenant.Tenant) error { b.Routes = nil; return nil }), text)
		assert.Equal(t, text, string(d.Bytes()))
	}
}
