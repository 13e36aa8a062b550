// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package profile lists the profiles of destinations: for each one, the signals that its
// backend accepts, and the path for each signal.
package profile

import (
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Default is the profile of a destination that names none.
const Default = "otlp"

// Paths are the paths that follow the endpoint, indexed by signal. An empty path means that
// the backend does not accept the signal.
type Paths [3]string

// Signals returns the signals that the backend accepts.
func (p Paths) Signals() (s tenant.Signals) {
	for _, signal := range tenant.AllSignals() {
		if p[signal] != "" {
			s |= tenant.NewSignals(signal)
		}
	}
	return s
}

func paths(logs, metrics, traces string) (p Paths) {
	p[tenant.Logs], p[tenant.Metrics], p[tenant.Traces] = logs, metrics, traces
	return p
}

type entry struct {
	name  string
	paths Paths
}

// table returns all profiles in alphabetical order. A test of the exporter compares it with the
// exporter's own table.
func table() []entry {
	return []entry{
		{"cortex", paths("", "/api/v1/otlp/v1/metrics", "")},
		{"jaeger", paths("", "", "/v1/traces")},
		{"loki", paths("/otlp/v1/logs", "", "")},
		{"mimir", paths("", "/otlp/v1/metrics", "")},
		{"oneuptime", paths("/otlp/v1/logs", "/otlp/v1/metrics", "/otlp/v1/traces")},
		{Default, paths("/v1/logs", "/v1/metrics", "/v1/traces")},
		{"prometheus", paths("", "/api/v1/otlp/v1/metrics", "")},
		{"signoz", paths("/v1/logs", "/v1/metrics", "/v1/traces")},
		{"tempo", paths("", "", "/v1/traces")},
		{"victorialogs", paths("/insert/opentelemetry/v1/logs", "", "")},
		{"victoriametrics", paths("", "/opentelemetry/v1/metrics", "")},
		{"victoriatraces", paths("", "", "/insert/opentelemetry/v1/traces")},
	}
}

// Find returns the paths of the profile with this name, and whether it exists. An empty name
// means [Default].
func Find(name string) (Paths, bool) {
	if name == "" {
		name = Default
	}
	all := table()
	i := slices.IndexFunc(all, func(e entry) bool { return e.name == name })
	if i < 0 {
		return Paths{}, false
	}
	return all[i].paths, true
}

// ScopeOrgID reports whether the profile with this name sends the tenant's ID in the header
// X-Scope-OrgID. A test of the exporter compares it with the exporter's own table.
func ScopeOrgID(name string) bool {
	return slices.Contains([]string{"cortex", "loki", "mimir", "tempo"}, name)
}

// Names returns the names of all profiles in alphabetical order.
func Names() (names []string) {
	for _, e := range table() {
		names = append(names, e.name)
	}
	return names
}
