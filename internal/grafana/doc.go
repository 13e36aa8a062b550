// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package grafana gives each tenant an organization in Grafana: data sources that send the
// tenant's ID with every query, a folder of dashboards, and members who may only look.
//
// It uses Grafana's HTTP API with the basic authentication of a server administrator, because
// service accounts belong to one organization and cannot create others. Every action can be
// repeated: what exists and is right stays, what differs is corrected, and a run that failed
// in the middle is continued by the next one.
//
// Tenants are separated by the data source: Grafana's server adds the tenant's header to
// each query, and members with the role Viewer or Editor cannot change it. The package
// therefore never writes into an organization that may belong to somebody else. It marks its
// data sources with the tenant's ID, and does not use an organization without that mark
// unless it is empty or the caller asks for it.
package grafana
