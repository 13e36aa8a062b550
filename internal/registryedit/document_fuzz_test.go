// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// FuzzUpdate changes the first tenant of any file: the result says what was
// asked for and the same as before of all others, or the file stays.
func FuzzUpdate(f *testing.F) {
	for _, text := range []string{
		commented,
		"tenants:\n- {id: a, status: active} # c\n- id: b\n",
		"tenants:\n- name: x\n  id: a\n  keys:\n  - id: k1\n    sha256: '0000000000000000000000000000000000000000000000000000000000000001'\n    scopes: [logs]\n",
		"tenants:\n  - id: a\n    vars: &v\n      x: y\n    attributes: *v\n",
		"tenants:\n  - ? id\n    : a\n    name: |-\n      # x\n",
		"tenants:\n  -   id: \"\\u00e9\"\n",
		"{tenants: [{id: a}]}",
	} {
		f.Add([]byte(text), byte(0xff))
	}
	f.Fuzz(func(t *testing.T, data []byte, what byte) {
		d, err := registryedit.NewDocument(data)
		if err != nil || len(d.Tenants()) == 0 {
			return
		}
		id, before := d.Tenants()[0].ID, d.Tenants()
		var want *tenant.Tenant
		err = d.Update(id, func(t *tenant.Tenant) error {
			change(t, what)
			want = t
			return nil
		})
		if err != nil {
			require.Equal(t, string(data), string(d.Bytes()))
			return
		}
		after, err := registryedit.NewDocument(d.Bytes())
		require.NoError(t, err, "%q", d.Bytes())
		require.Len(t, after.Tenants(), len(before))
		require.Equal(t, formatted(t, want), formatted(t, after.Tenants()[0]), "%q", d.Bytes())
		require.Equal(t, formatted(t, before[1:]...), formatted(t, after.Tenants()[1:]...), "%q", d.Bytes())
	})
}

// change makes one change for each bit of what.
func change(t *tenant.Tenant, what byte) {
	for bit, f := range []func(){
		func() { t.Status = tenant.StatusSuspended },
		func() { t.Name = "" },
		func() { t.Vars["new"] = "{x: y} # z" },
		func() { t.Routes[tenant.Traces] = []string{"one", "two"} },
		func() { t.Limits.DailyBytes = 1 << 20 },
		func() { clear(t.Attributes) },
		func() {
			t.Keys = append(t.Keys, &tenant.Key{ID: "k-new", Digest: tenant.Digest{0xee}, Scopes: tenant.NewSignals(tenant.Logs)})
		},
		func() { t.Keys[0].RevokedAt = time.Unix(1, 0).UTC() },
	} {
		if what&(1<<bit) != 0 && (bit != 7 || len(t.Keys) > 0) {
			f()
		}
	}
}

func formatted(t *testing.T, tenants ...*tenant.Tenant) string {
	t.Helper()
	text, err := registryfile.Format(tenants)
	require.NoError(t, err)
	return string(text)
}
