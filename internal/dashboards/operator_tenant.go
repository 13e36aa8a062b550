// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import "strings"

// ofTenant replaces TEN in a query by the selection of the tenant.
func ofTenant(expr string) string {
	return within(strings.ReplaceAll(expr, "TEN", `SEL,tenant="$tenant"`))
}

func oneOf(title, description, unit, legend, expr string) panel {
	return graph(operatorSource, title, description, unit, query{expr: ofTenant(expr), legend: legend})
}

// oneTenant is the operator's dashboard of one tenant. Its series exist only with the setting
// metrics::tenant of tenant_routing, tenant and bearer_key_auth.
func oneTenant() *board {
	variables := append(instances(registry+"tenants", "gateways"), variable{
		name: "tenant", label: "Tenant", description: "The tenants of which lanes have data. It needs metrics::tenant.", of: operatorSource,
		query: `label_values(` + routing + `accepted_records_total{job=~"$job",tenant!=""}, tenant)`,
	})
	return &board{
		name: "operator-tenant", uid: "otelcol-tenant-operator-tenant", title: "Gateways: one tenant",
		description: "One tenant at all gateways. Set TENANT_METRICS=true at the gateway, or metrics::tenant of tenant_routing, tenant and bearer_key_auth: otherwise no series has a tenant.",
		tags:        []string{"operator"}, refresh: "30s", from: "now-6h",
		variables: variables,
		rows: []row{
			{"Data", []panel{
				oneOf("Accepted records", "Records that the tenant's lanes accepted, per second.", "cps", "{{signal}} {{destination}}", `sum by (signal, destination) (rate(`+routing+`accepted_records_total{TEN}[$__rate_interval]))`).pile(),
				oneOf("Delivered records", "Records that destinations accepted, per second.", "cps", "{{signal}} {{destination}}", `sum by (signal, destination) (rate(`+routing+`delivered_records_total{TEN}[$__rate_interval]))`).pile(),
				oneOf("Attempts", "Calls to destinations by outcome, per second.", "cps", "{{destination}} {{reason}}", `sum by (destination, reason) (rate(`+routing+`send_attempts_total{TEN}[$__rate_interval]))`).pile(),
				oneOf("Age of the oldest data", "Age of the oldest data in the tenant's lanes.", "s", "{{signal}} {{destination}}", `max by (signal, destination) (`+routing+`queue_age_seconds{TEN})`),
				oneOf("Queued bytes", "Encoded bytes in the tenant's lanes.", "bytes", "{{signal}} {{destination}}", `sum by (signal, destination) (`+routing+`queued_bytes{TEN})`).pile(),
				oneOf("Lanes", "What the tenant's open lanes do.", "short", "{{destination}} {{state}}", `sum by (destination, state) (`+routing+`lanes{TEN})`).pile(),
				oneOf("Dead letters", "Records that destinations rejected permanently, in the interval.", "short", "{{destination}} {{reason}}", `sum by (destination, reason) (increase(`+routing+`dead_lettered_records_total{TEN}[$__rate_interval]))`),
				oneOf("Dropped records", "Accepted records that were dropped, in the interval.", "short", "{{destination}} {{reason}}", `sum by (destination, reason) (increase(`+routing+`dropped_records_total{TEN}[$__rate_interval]))`),
				oneOf("Records found at the start", "Records that an earlier run of a gateway left in the tenant's lanes.", "short", "{{signal}} {{destination}}", `sum by (signal, destination) (`+routing+`recovered_records_total{TEN})`),
			}},
			{"Rejections and limits", []panel{
				oneOf("Rejected requests", "Rejected requests with a key of the tenant, by reason and key, per second.", "reqps", "{{reason}} {{key}}", `sum by (reason, key) (rate(`+keyAuth+`rejected_requests_total{TEN}[$__rate_interval]))`).pile(),
				oneOf("Use of quotas", "Used share of each quota of the running day or month.", "percentunit", "{{signal}} {{unit}} a {{period}}", `max by (signal, unit, period) (`+limits+`quota_use_ratio{TEN})`),
				oneOf("Use of rates", "Used share of each burst. From 1 on the tenant waits.", "percentunit", "{{signal}} {{unit}}", `max by (signal, unit) (`+limits+`rate_use_ratio{TEN})`),
				oneOf("Records over limits", "Records that were over a limit, per second.", "cps", "{{signal}} {{reason}}", `sum by (signal, reason) (rate(`+limits+`limited_records_total{TEN}[$__rate_interval]))`),
				oneOf("Last use of keys", "When each key was last used. It needs key_use::metric.", "dateTimeFromNow", "{{key}}", `max by (key) (`+keyAuth+`key_last_use_timestamp_seconds{TEN}) * 1000`),
			}},
		},
	}
}
