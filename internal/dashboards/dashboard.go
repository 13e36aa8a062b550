// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The UIDs of the data sources that dashboards of tenants refer to. Each organization has
// data sources of its own with these UIDs.
const (
	LogsSource    = "tenant-logs"    // of the type loki
	MetricsSource = "tenant-metrics" // of the type prometheus
	TracesSource  = "tenant-traces"  // of the type tempo
)

// Dashboard is a Grafana dashboard.
type Dashboard struct {
	Name  string // of the file, without ".json"
	UID   string // never changes, at most 40 characters
	Title string
	JSON  []byte // the model of Grafana's API, without an ID, indented
}

// Operator returns the dashboards of operators. They have a variable for the data source,
// which must be of the type prometheus.
func Operator() []Dashboard {
	return []Dashboard{build(gateways()), build(oneTenant()), build(agents())}
}

// Tenant returns the dashboards of a tenant. They use the data sources [LogsSource],
// [MetricsSource] and [TracesSource], and are the same for all tenants.
func Tenant() []Dashboard {
	return []Dashboard{build(tenantOverview()), build(tenantLogs()), build(tenantTraces()), build(tenantMetrics()), build(tenantPM2())}
}

// build returns the dashboard of a board.
func build(b *board) Dashboard {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(b.model()); err != nil {
		panic(fmt.Sprintf("dashboard %s: %v", b.name, err)) // the model has only encodable types
	}
	return Dashboard{Name: b.name, UID: b.uid, Title: b.title, JSON: out.Bytes()}
}
