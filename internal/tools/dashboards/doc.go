// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package dashboards tests the generated Grafana dashboards with Grafana's public schema. It
// is a module of its own, so that the schema is no dependency of the product.
package dashboards
