// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestParse(t *testing.T) {
	data, err := os.ReadFile("testdata/tenants.yaml")
	require.NoError(t, err)
	s, err := registryfile.Parse(data)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	assert.Equal(t, hex.EncodeToString(sum[:]), s.Hash())
	assert.Equal(t, 3, s.Len())

	digest, err := hex.DecodeString("3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea")
	require.NoError(t, err)
	k := s.Key(tenant.Digest(digest))
	require.NotNil(t, k)
	a := s.Tenant("tenant-a")
	assert.Same(t, a, k.Tenant())
	assert.Equal(t, &tenant.Tenant{
		ID: "tenant-a", Name: "Tenant A Ltd", Status: tenant.StatusActive, Isolation: tenant.IsolationDedicated,
		Attributes: map[string]string{"plan": "enterprise", "cost center": "0042"},
		Vars:       map[string]string{"signoz_endpoint": "signoz.tenant-a.example:4317", "oneuptime_token": "${file:/run/secrets/tenant-a-oneuptime}"},
		Routes:     map[tenant.Signal][]string{tenant.Logs: {"signoz", "oneuptime"}, tenant.Metrics: {"signoz"}, tenant.Traces: {}},
		Limits: tenant.Limits{
			Rates: [3]tenant.Rate{
				{RecordsPerSecond: 5000, BytesPerSecond: 5 << 20}, {RecordsPerSecond: 100}, {BytesPerSecond: 1_000_000},
			},
			Quotas: [3]tenant.Quota{
				tenant.Metrics: {DailyRecords: 1000, MonthlyRecords: 2000, DailyBytes: 1 << 20, MonthlyBytes: 2 << 20},
			},
			DailyBytes: 20 << 30, MonthlyBytes: 600_000_000_000, DailyRecords: 5_000_000, MonthlyRecords: 6_000_000,
			Burst: 2500 * time.Millisecond,
		},
		Keys: a.Keys,
	}, a)
	assert.Equal(t, "k7f3a9c2", k.ID)
	assert.Equal(t, tenant.NewSignals(tenant.AllSignals()...), k.Scopes)
	assert.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), k.CreatedAt)
	assert.Equal(t, time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC), k.NotBefore)
	assert.Equal(t, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), k.ExpiresAt)
	assert.Equal(t, time.Date(2026, 6, 1, 12, 0, 0, 500_000_000, time.UTC), k.RevokedAt)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.7/32")}, k.SourceCIDRs)
	assert.Equal(t, []string{"https://app.example", "http://localhost:3000"}, k.Origins)
	assert.Equal(t, "vm-12", k.Description)

	assert.Equal(t, &tenant.Tenant{ID: "007", Name: "Süd & Söhne GmbH", Status: tenant.StatusSuspended, Isolation: tenant.IsolationShared, Keys: []*tenant.Key{}}, s.Tenant("007"))
	assert.Equal(t, tenant.StatusDeleted, s.Tenant("old.tenant").Status)
}

// Each case of testdata/invalid.yaml is a file and every fault it must be
// refused with.
func TestParse_ReturnsEveryFault(t *testing.T) {
	data, err := os.ReadFile("testdata/invalid.yaml")
	require.NoError(t, err)
	var cases map[string]struct {
		File   string   `yaml:"file"`
		Faults []string `yaml:"faults"`
	}
	require.NoError(t, yaml.Unmarshal(data, &cases))
	require.NotEmpty(t, cases)
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := registryfile.Parse([]byte(tt.File))
			require.Nil(t, s)
			var faults registryfile.Faults
			require.ErrorAs(t, err, &faults)
			assert.Equal(t, tt.Faults, strings.Split(faults.Error(), "\n"))
		})
	}
}

func TestFaults_AreCutWhenThereAreMany(t *testing.T) {
	_, err := registryfile.Parse([]byte("tenants:\n" + strings.Repeat("  - name: x\n", 200)))
	var faults registryfile.Faults
	require.ErrorAs(t, err, &faults)
	assert.Len(t, faults, 200)
	assert.ErrorContains(t, err, "and 150 more")
}

func TestParser_ReusesEntriesWithoutSharingThem(t *testing.T) {
	p := registryfile.NewParser()
	data, err := os.ReadFile("testdata/tenants.yaml")
	require.NoError(t, err)
	first, err := p.Parse(data)
	require.NoError(t, err)
	_, err = p.Parse([]byte("tenants:\n  - id: broken\n    x: y\n"))
	require.Error(t, err)
	moved := append([]byte("# one line more\n"), data...)
	second, err := p.Parse(append(moved, "  - id: tenant-a\n"...))
	require.ErrorContains(t, err, `line 37: tenant "tenant-a": there is already an entry with this ID on line 4`)
	require.Nil(t, second)
	second, err = p.Parse(moved)
	require.NoError(t, err)
	a, b := first.Tenant("tenant-a"), second.Tenant("tenant-a")
	assert.NotSame(t, a, b)
	assert.Same(t, a, a.Keys[0].Tenant())
	assert.Same(t, b, b.Keys[0].Tenant())
	assert.Equal(t, a.Vars, b.Vars)
}
