// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/yamlnode"
)

// Format returns a registry file with tenants in the given order. [Parse] returns
// the same tenants from it.
func Format(tenants []*tenant.Tenant) ([]byte, error) {
	if len(tenants) == 0 {
		return []byte("tenants: []\n"), nil
	}
	out := bytes.NewBufferString("tenants:\n")
	for _, t := range tenants {
		text, err := yamlnode.Encode(yamlnode.Sequence(0, TenantNode(t)))
		if err != nil {
			return nil, fmt.Errorf("tenant %q: %w", t.ID, err)
		}
		out.Write(yamlnode.Indent(text, 2))
	}
	return out.Bytes(), nil
}

// TenantNode returns t as it is written to a file. Empty fields are left out.
func TenantNode(t *tenant.Tenant) *yaml.Node {
	m := yamlnode.Mapping(0)
	yamlnode.Append(m, "id", yamlnode.Text(string(t.ID)))
	if t.Name != "" {
		yamlnode.Append(m, "name", yamlnode.Text(t.Name))
	}
	yamlnode.Append(m, "status", yamlnode.Text(string(t.Status)))
	yamlnode.Append(m, "isolation", yamlnode.Text(string(t.Isolation)))
	if len(t.Attributes) > 0 {
		yamlnode.Append(m, "attributes", textsNode(t.Attributes))
	}
	if len(t.Vars) > 0 {
		yamlnode.Append(m, "vars", textsNode(t.Vars))
	}
	if len(t.Routes) > 0 {
		yamlnode.Append(m, "routes", routesNode(t.Routes))
	}
	if t.Limits != (tenant.Limits{}) {
		yamlnode.Append(m, "limits", limitsNode(t.Limits))
	}
	if len(t.Keys) > 0 {
		keys := yamlnode.Sequence(0)
		for _, k := range t.Keys {
			keys.Content = append(keys.Content, keyNode(k))
		}
		yamlnode.Append(m, "keys", keys)
	}
	return m
}

func routesNode(routes map[tenant.Signal][]string) *yaml.Node {
	m := yamlnode.Mapping(yaml.FlowStyle)
	for _, s := range tenant.AllSignals() {
		if destinations, ok := routes[s]; ok {
			list := yamlnode.Sequence(yaml.FlowStyle)
			for _, name := range destinations {
				list.Content = append(list.Content, yamlnode.Text(name))
			}
			yamlnode.Append(m, s.String(), list)
		}
	}
	return m
}

func limitsNode(l tenant.Limits) *yaml.Node {
	m := yamlnode.Mapping(yaml.FlowStyle)
	for _, s := range tenant.AllSignals() {
		rate := yamlnode.Mapping(yaml.FlowStyle)
		if n := l.Rates[s].RecordsPerSecond; n != 0 {
			yamlnode.Append(rate, "records_per_second", yamlnode.Integer(strconv.FormatInt(n, 10)))
		}
		if n := l.Rates[s].BytesPerSecond; n != 0 {
			yamlnode.Append(rate, "bytes_per_second", sizeNode(n))
		}
		setQuota(rate, l.Quotas[s])
		if len(rate.Content) > 0 {
			yamlnode.Append(m, s.String(), rate)
		}
	}
	setQuota(m, l.Total())
	if l.Burst != 0 {
		yamlnode.Append(m, "burst", yamlnode.Text(l.Burst.String()))
	}
	return m
}

func setQuota(m *yaml.Node, q tenant.Quota) {
	if q.DailyRecords != 0 {
		yamlnode.Append(m, "daily_records", yamlnode.Integer(strconv.FormatInt(q.DailyRecords, 10)))
	}
	if q.DailyBytes != 0 {
		yamlnode.Append(m, "daily_bytes", sizeNode(q.DailyBytes))
	}
	if q.MonthlyRecords != 0 {
		yamlnode.Append(m, "monthly_records", yamlnode.Integer(strconv.FormatInt(q.MonthlyRecords, 10)))
	}
	if q.MonthlyBytes != 0 {
		yamlnode.Append(m, "monthly_bytes", sizeNode(q.MonthlyBytes))
	}
}

func keyNode(k *tenant.Key) *yaml.Node {
	m := yamlnode.Mapping(yaml.FlowStyle)
	yamlnode.Append(m, "id", yamlnode.Text(k.ID))
	yamlnode.Append(m, "sha256", yamlnode.Text(hex.EncodeToString(k.Digest[:])))
	scopes := yamlnode.Sequence(yaml.FlowStyle)
	for _, name := range k.Scopes.Names() {
		scopes.Content = append(scopes.Content, yamlnode.Text(name))
	}
	yamlnode.Append(m, "scopes", scopes)
	for _, at := range []struct {
		name string
		time time.Time
	}{{"created_at", k.CreatedAt}, {"not_before", k.NotBefore}, {"expires_at", k.ExpiresAt}, {"revoked_at", k.RevokedAt}} {
		if !at.time.IsZero() {
			yamlnode.Append(m, at.name, yamlnode.Timestamp(at.time.UTC().Format(time.RFC3339Nano)))
		}
	}
	if len(k.SourceCIDRs) > 0 {
		list := yamlnode.Sequence(yaml.FlowStyle)
		for _, p := range k.SourceCIDRs {
			list.Content = append(list.Content, yamlnode.Text(p.String()))
		}
		yamlnode.Append(m, "source_cidrs", list)
	}
	if len(k.Origins) > 0 {
		list := yamlnode.Sequence(yaml.FlowStyle)
		for _, origin := range k.Origins {
			list.Content = append(list.Content, yamlnode.Text(origin))
		}
		yamlnode.Append(m, "origins", list)
	}
	if k.Description != "" {
		yamlnode.Append(m, "description", yamlnode.Text(k.Description))
	}
	return m
}

func textsNode(texts map[string]string) *yaml.Node {
	m := yamlnode.Mapping(yaml.FlowStyle)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		yamlnode.Append(m, name, yamlnode.Text(texts[name]))
	}
	return m
}

func sizeNode(n int64) *yaml.Node {
	text := bytesize.Size(n).String()
	if text[len(text)-1] == 'B' {
		return yamlnode.Text(text)
	}
	return yamlnode.Integer(text)
}
