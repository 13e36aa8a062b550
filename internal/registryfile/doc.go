// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package registryfile defines the format of the registry file, which lists the
// tenants of a gateway: it parses, checks and formats it.
//
// The file is YAML with the single top-level key tenants, a list with one entry
// per tenant:
//
//	tenants:
//	  - id: tenant-a                     # required
//	    name: Tenant A Ltd
//	    status: active                   # active (default), suspended, deleted
//	    isolation: dedicated             # shared (default), dedicated
//	    attributes: {plan: enterprise}
//	    vars: {signoz_endpoint: "signoz.tenant-a.example:4317"}
//	    routes: {logs: [signoz, oneuptime], metrics: [signoz]}
//	    limits: {logs: {records_per_second: 5000, bytes_per_second: 5MiB}, daily_bytes: 20GiB}
//	    keys:
//	      - {id: k7f3a9c2, sha256: "…", scopes: [logs, metrics, traces], expires_at: 2027-01-01T00:00:00Z}
//
// Parsing is strict: [Parse] returns every fault with its line, and no tenants at
// all if there is one. Package registryedit edits the file.
package registryfile

// Empty is a new registry.
const Empty = `# The tenants of the gateway. A change is in force within a second. A change that
# is not valid is not applied; the gateway logs why.
tenants: []
`
