// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

// manyTenants returns a registry file with five keys per tenant.
func manyTenants(tenants int) []byte {
	var b bytes.Buffer
	b.WriteString("tenants:\n")
	for i := range tenants {
		fmt.Fprintf(&b, `  - id: tenant-%05d
    name: Tenant %[1]d Ltd
    status: active
    isolation: dedicated
    attributes: {plan: enterprise}
    vars: {signoz_endpoint: "signoz.tenant-%[1]d.example:4317"}
    routes: {logs: [signoz, oneuptime], metrics: [signoz], traces: [signoz]}
    limits: {logs: {records_per_second: 5000, bytes_per_second: 5MiB}, daily_bytes: 20GiB}
    keys:
`, i)
		for k := range 5 {
			id := fmt.Sprintf("k%05d%02d", i, k)
			fmt.Fprintf(&b, "      - {id: %s, sha256: %x, scopes: [logs, metrics, traces], created_at: 2026-01-01T00:00:00Z, expires_at: 2027-01-01T00:00:00Z, description: vm-%d}\n",
				id, sha256.Sum256([]byte(id)), k)
		}
	}
	return b.Bytes()
}

func BenchmarkParse_10000Tenants50000Keys(b *testing.B) {
	data := manyTenants(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := registryfile.Parse(data)
		require.NoError(b, err)
	}
}

func BenchmarkParser_OneTenantOf10000Changed(b *testing.B) {
	data := manyTenants(10_000)
	p := registryfile.NewParser()
	_, err := p.Parse(data)
	require.NoError(b, err)
	changed := bytes.Replace(data, []byte("Tenant 5000 Ltd"), []byte("Renamed"), 1)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		now := data
		if n%2 == 0 {
			now = changed
		}
		_, err := p.Parse(now)
		require.NoError(b, err)
	}
}
