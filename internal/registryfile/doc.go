// Package registryfile reads, checks and edits the file that tells a gateway
// its tenants.
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
// Reading is strict: [Parse] returns every fault with its line, and no tenants
// at all if there is one. Editing ([Edit]) replaces only the lines of what
// changes, so that comments, order and layout of everything else stay, and
// writes atomically under a lock.
package registryfile
