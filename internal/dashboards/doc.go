// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go run ./generate ../../distributions/monitoring/dashboards

// Package dashboards builds the Grafana dashboards of operators and tenants.
//
// The dashboards of operators query a Prometheus that scrapes gateways and agents. Those of
// a tenant query the data sources of the tenant's Grafana organization, which fix the
// tenant: no dashboard of a tenant has a variable or a filter that names one.
//
// The functions are deterministic. distributions/monitoring/dashboards contains their
// results, and `make generate` writes them.
package dashboards
