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
)

// Format returns a registry file with tenants in the given order. [Parse] of it
// gives the same tenants.
func Format(tenants []*tenant.Tenant) ([]byte, error) {
	if len(tenants) == 0 {
		return []byte("tenants: []\n"), nil
	}
	out := bytes.NewBufferString("tenants:\n")
	for _, t := range tenants {
		text, err := encode(sequenceNode(0, tenantNode(t)))
		if err != nil {
			return nil, fmt.Errorf("tenant %q: %w", t.ID, err)
		}
		out.Write(indent(text, 2))
	}
	return out.Bytes(), nil
}

// tenantNode returns t as it is written to a file. Empty fields are left out.
func tenantNode(t *tenant.Tenant) *yaml.Node {
	m := mappingNode(0)
	set(m, "id", textNode(string(t.ID)))
	if t.Name != "" {
		set(m, "name", textNode(t.Name))
	}
	set(m, "status", textNode(string(t.Status)))
	set(m, "isolation", textNode(string(t.Isolation)))
	if len(t.Attributes) > 0 {
		set(m, "attributes", textsNode(t.Attributes))
	}
	if len(t.Vars) > 0 {
		set(m, "vars", textsNode(t.Vars))
	}
	if len(t.Routes) > 0 {
		set(m, "routes", routesNode(t.Routes))
	}
	if t.Limits != (tenant.Limits{}) {
		set(m, "limits", limitsNode(t.Limits))
	}
	if len(t.Keys) > 0 {
		keys := sequenceNode(0)
		for _, k := range t.Keys {
			keys.Content = append(keys.Content, keyNode(k))
		}
		set(m, "keys", keys)
	}
	return m
}

func routesNode(routes map[tenant.Signal][]string) *yaml.Node {
	m := mappingNode(yaml.FlowStyle)
	for _, s := range tenant.AllSignals() {
		if destinations, ok := routes[s]; ok {
			list := sequenceNode(yaml.FlowStyle)
			for _, name := range destinations {
				list.Content = append(list.Content, textNode(name))
			}
			set(m, s.String(), list)
		}
	}
	return m
}

func limitsNode(l tenant.Limits) *yaml.Node {
	m := mappingNode(yaml.FlowStyle)
	for _, s := range tenant.AllSignals() {
		rate := mappingNode(yaml.FlowStyle)
		if n := l.Rates[s].RecordsPerSecond; n != 0 {
			set(rate, "records_per_second", numberNode(strconv.FormatInt(n, 10)))
		}
		if n := l.Rates[s].BytesPerSecond; n != 0 {
			set(rate, "bytes_per_second", sizeNode(n))
		}
		setQuota(rate, l.Quotas[s])
		if len(rate.Content) > 0 {
			set(m, s.String(), rate)
		}
	}
	setQuota(m, l.Total())
	if l.Burst != 0 {
		set(m, "burst", textNode(l.Burst.String()))
	}
	return m
}

func setQuota(m *yaml.Node, q tenant.Quota) {
	if q.DailyRecords != 0 {
		set(m, "daily_records", numberNode(strconv.FormatInt(q.DailyRecords, 10)))
	}
	if q.DailyBytes != 0 {
		set(m, "daily_bytes", sizeNode(q.DailyBytes))
	}
	if q.MonthlyRecords != 0 {
		set(m, "monthly_records", numberNode(strconv.FormatInt(q.MonthlyRecords, 10)))
	}
	if q.MonthlyBytes != 0 {
		set(m, "monthly_bytes", sizeNode(q.MonthlyBytes))
	}
}

func keyNode(k *tenant.Key) *yaml.Node {
	m := mappingNode(yaml.FlowStyle)
	set(m, "id", textNode(k.ID))
	set(m, "sha256", textNode(hex.EncodeToString(k.Digest[:])))
	scopes := sequenceNode(yaml.FlowStyle)
	for _, name := range k.Scopes.Names() {
		scopes.Content = append(scopes.Content, textNode(name))
	}
	set(m, "scopes", scopes)
	for _, at := range []struct {
		name string
		time time.Time
	}{{"created_at", k.CreatedAt}, {"not_before", k.NotBefore}, {"expires_at", k.ExpiresAt}, {"revoked_at", k.RevokedAt}} {
		if !at.time.IsZero() {
			set(m, at.name, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: at.time.UTC().Format(time.RFC3339Nano)})
		}
	}
	if len(k.SourceCIDRs) > 0 {
		list := sequenceNode(yaml.FlowStyle)
		for _, p := range k.SourceCIDRs {
			list.Content = append(list.Content, textNode(p.String()))
		}
		set(m, "source_cidrs", list)
	}
	if len(k.Origins) > 0 {
		list := sequenceNode(yaml.FlowStyle)
		for _, origin := range k.Origins {
			list.Content = append(list.Content, textNode(origin))
		}
		set(m, "origins", list)
	}
	if k.Description != "" {
		set(m, "description", textNode(k.Description))
	}
	return m
}

func textsNode(texts map[string]string) *yaml.Node {
	m := mappingNode(yaml.FlowStyle)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		set(m, name, textNode(texts[name]))
	}
	return m
}

func mappingNode(style yaml.Style) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: style}
}

func sequenceNode(style yaml.Style, items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: style, Content: items}
}

func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func numberNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: s}
}

func sizeNode(n int64) *yaml.Node {
	text := bytesize.Size(n).String()
	if text[len(text)-1] == 'B' {
		return textNode(text)
	}
	return numberNode(text)
}

func set(m *yaml.Node, key string, v *yaml.Node) {
	m.Content = append(m.Content, textNode(key), v)
}

func encode(n *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	err := enc.Close()
	return out.Bytes(), err
}

// indent puts n spaces before every line that is not blank.
func indent(text []byte, n int) []byte {
	spaces := bytes.Repeat([]byte(" "), n)
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 {
			out.Write(spaces)
		}
		out.Write(line)
	}
	return out.Bytes()
}
