// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenanthealthextension serves the health of a collector over HTTP, for load balancers,
// supervisors and operators: the age of the registry, the state of the lanes to the backends, and,
// on an agent, the conditions that components report. Without conditions, no tenant is named.
package tenanthealthextension
