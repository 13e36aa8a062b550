// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import "strings"

// Prefixes of metrics.
const (
	routing  = "otelcol_exporter_tenant_routing_"
	keyAuth  = "otelcol_extension_bearer_key_auth_"
	guard    = "otelcol_extension_request_guard_"
	registry = "otelcol_extension_tenant_registry_"
	limits   = "otelcol_processor_tenant_"
	pm2      = "otelcol_receiver_pm2_"
	process  = "otelcol_process_"
)

// withoutKey matches the decisions about callers who have no key of the registry.
const withoutKey = "no_key|several_keys|not_bearer|percent_encoded|quoted_key|no_scheme|other_scheme|doubled_scheme|malformed_basic|malformed_key|unknown_key"

// within replaces SEL in a query by the selection of instances, and returns it.
func within(expr string) string {
	return strings.ReplaceAll(expr, "SEL", `job=~"$job",instance=~"$instance"`)
}

// one returns a panel of a single query of an operator's dashboard.
func one(title, description, unit, legend, expr string) panel {
	return graph(operatorSource, title, description, unit, query{expr: within(expr), legend: legend})
}

// stat returns a number of an operator's dashboard.
func stat(title, description, unit, expr string, steps ...threshold) panel {
	return number(operatorSource, title, description, unit, within(expr), steps...)
}

func instances(metric, what string) []variable {
	return []variable{
		{name: "datasource", label: "Data source", description: "A Prometheus that scrapes the " + what + ".", of: source{kind: "prometheus"}},
		{name: "job", label: "Job", description: "Scrape jobs of the " + what + ".", of: operatorSource, query: "label_values(" + metric + ", job)", multi: true},
		{name: "instance", label: "Instance", description: "One or several of the " + what + ".", of: operatorSource, query: "label_values(" + metric + `{job=~"$job"}, instance)`, multi: true},
	}
}

// gateways is the dashboard of all gateways and all tenants.
func gateways() *board {
	return &board{
		name: "operator", uid: "otelcol-tenant-operator", title: "Gateways",
		description: "All gateways and all tenants: traffic, lanes, rejections, registry and resources.",
		tags:        []string{"operator"}, refresh: "30s", from: "now-6h",
		variables: instances(registry+"tenants", "gateways"),
		rows:      []row{gatewayNumbers(), gatewayTraffic(), delivery(), gatewayRejections(), gatewayRegistry(), resources(true)},
	}
}

func gatewayNumbers() row {
	return row{"Overview", []panel{
		stat("Gateways", "Gateways that answer to Prometheus.", "short", `sum(up{SEL})`),
		stat("Active tenants", "Active tenants of the registry.", "short", `max(`+registry+`tenants{SEL,status="active"})`),
		stat("Accepted", "Records that lanes accepted, per second. A record for two destinations counts twice.", "cps", `sum(rate(`+routing+`accepted_records_total{SEL}[$__rate_interval]))`),
		stat("Rejected", "Requests that were rejected, per second, with and without a known key.", "reqps",
			`sum(rate(`+keyAuth+`rejected_requests_total{SEL}[$__rate_interval])) + sum(rate(`+keyAuth+`requests_total{SEL,decision=~"`+withoutKey+`"}[$__rate_interval]))`, warnFrom(1)),
		stat("Open lanes", "Lanes with an open circuit breaker: their destination fails.", "short", `sum(`+routing+`lanes{SEL,state="open"})`, warnFrom(1)),
		stat("Lost in 24 h", "Accepted records that were dropped in the last 24 hours.", "short", `sum(increase(`+routing+`dropped_records_total{SEL}[24h])) or vector(0)`, alarmFrom(1)),
		stat("Dead letters in 24 h", "Records that destinations rejected permanently in the last 24 hours.", "short", `sum(increase(`+routing+`dead_lettered_records_total{SEL}[24h])) or vector(0)`, warnFrom(1)),
		stat("Oldest queued data", "Age of the oldest data in a lane.", "s", `max(`+routing+`queue_age_seconds{SEL})`, warnFrom(300), alarmFrom(3600)),
		stat("Fullest queue", "Used share of the fullest queue.", "percentunit", `max(`+routing+`queue_use_ratio{SEL})`, warnFrom(0.5), alarmFrom(0.8)),
		stat("Silent tenants", "Active tenants that sent data before and send nothing now.", "short", `max(otelcol_extension_tenant_health_tenants{SEL,sending="silent"})`, warnFrom(1)),
		stat("Registry age", "Time since the registry was last confirmed.", "s", `max(`+registry+`age_seconds{SEL})`, warnFrom(60), alarmFrom(600)),
		stat("Keys that expire in 7 days", "Keys of active tenants that are valid now and expire within 7 days.", "short", `max(`+registry+`keys_near_expiry{SEL,ends_within="7d"})`, warnFrom(1)),
		stat("Panics in 24 h", "Panics that were recovered in the last 24 hours. Each is a defect.", "short", panics("24h"), alarmFrom(1)),
	}}
}

// panicCounters are the counters of recovered panics of a gateway.
func panicCounters() []string {
	return []string{
		routing + "panics_total", keyAuth + "panics_total", guard + "panics_total", limits + "panics_total",
		"otelcol_receiver_tenant_otlp_panics_total", "otelcol_receiver_prometheus_remote_write_panics_total", "otelcol_receiver_loki_push_panics_total",
	}
}

func panics(window string) string {
	var terms []string
	for _, c := range panicCounters() {
		terms = append(terms, "sum(increase("+c+"{SEL}["+window+"]))")
	}
	return strings.Join(terms, " + ")
}

func gatewayTraffic() row {
	return row{"Traffic", []panel{
		one("Accepted records by signal", "Records that lanes accepted, per second.", "cps", "{{signal}}", `sum by (signal) (rate(`+routing+`accepted_records_total{SEL}[$__rate_interval]))`).pile(),
		one("Delivered records by destination", "Records that destinations accepted, per second.", "cps", "{{destination}} {{signal}}", `sum by (destination, signal) (rate(`+routing+`delivered_records_total{SEL}[$__rate_interval]))`).pile(),
		one("Requests by decision", "Results of authentication, per second.", "reqps", "{{decision}}", `sum by (decision) (rate(`+keyAuth+`requests_total{SEL}[$__rate_interval])) > 0`).pile(),
		graph(operatorSource, "Items by receiver", "Log records, data points and spans that receivers accepted, per second.", "cps",
			query{expr: within(`sum by (receiver, transport) (rate(otelcol_receiver_accepted_log_records_total{SEL}[$__rate_interval]))`), legend: "logs {{receiver}} {{transport}}"},
			query{expr: within(`sum by (receiver, transport) (rate(otelcol_receiver_accepted_metric_points_total{SEL}[$__rate_interval]))`), legend: "metrics {{receiver}} {{transport}}"},
			query{expr: within(`sum by (receiver, transport) (rate(otelcol_receiver_accepted_spans_total{SEL}[$__rate_interval]))`), legend: "traces {{receiver}} {{transport}}"}),
		one("Remote write by status", "Answers to Prometheus remote write, per second.", "reqps", "{{version}} {{code}}", `sum by (version, code) (rate(otelcol_receiver_prometheus_remote_write_requests_total{SEL}[$__rate_interval]))`).pile(),
		one("Loki push by status", "Answers to Loki's push API, per second.", "reqps", "{{format}} {{code}}", `sum by (format, code) (rate(otelcol_receiver_loki_push_requests_total{SEL}[$__rate_interval]))`).pile(),
	}}
}

// delivery is the row of lanes, of gateways and agents.
func delivery() row {
	return row{"Lanes", []panel{
		one("Lanes by state", "What the open lanes do. Waiting: the last attempt failed. Open: the circuit breaker is open or half-open.", "short", "{{state}}", `sum by (state) (`+routing+`lanes{SEL})`).pile(),
		one("Open lanes by destination", "Lanes with an open circuit breaker.", "short", "{{destination}} {{signal}}", `sum by (destination, signal) (`+routing+`lanes{SEL,state="open"})`),
		one("Age of the oldest data", "Age of the oldest data in a lane, including data in flight.", "s", "{{destination}} {{signal}}", `max by (destination, signal) (`+routing+`queue_age_seconds{SEL})`),
		one("Queued bytes", "Encoded bytes in lanes, including bytes in flight.", "bytes", "{{destination}} {{signal}}", `sum by (destination, signal) (`+routing+`queued_bytes{SEL})`).pile(),
		one("Failed attempts", "Calls to destinations that failed, by outcome, per second.", "cps", "{{destination}} {{reason}}", `sum by (destination, reason) (rate(`+routing+`send_attempts_total{SEL,reason!="ok"}[$__rate_interval])) > 0`),
		one("Circuit breakers", "Circuit breakers by state.", "short", "{{breaker}}", `sum by (breaker) (`+routing+`circuit_breakers{SEL})`).pile(),
		one("Dead letters", "Records that destinations rejected permanently, by reason, per second.", "cps", "{{destination}} {{signal}} {{reason}}", `sum by (destination, signal, reason) (rate(`+routing+`dead_lettered_records_total{SEL}[$__rate_interval])) > 0`),
		one("Dropped records", "Accepted records that were dropped, by reason, per second.", "cps", "{{destination}} {{signal}} {{reason}}", `sum by (destination, signal, reason) (rate(`+routing+`dropped_records_total{SEL}[$__rate_interval])) > 0`),
		one("Fullest queue", "Used share of the fullest lane, or of all lanes together.", "percentunit", "{{instance}}", `max by (instance) (`+routing+`queue_use_ratio{SEL})`).upTo(1),
		graph(operatorSource, "Disk of the queue", "Bytes that queue files use, free bytes of their disk, and those that stay free.", "bytes",
			query{expr: within(`sum(` + routing + `storage_used_bytes{SEL})`), legend: "used by queues"},
			query{expr: within(`max(` + routing + `storage_reserve_bytes{SEL})`), legend: "reserve"},
			query{expr: within(`min(` + routing + `storage_free_bytes{SEL})`), legend: "free, smallest"}),
	}}
}

func gatewayRejections() row {
	return row{"Rejections", []panel{
		one("Without a valid key", "Requests that authentication rejected, per second.", "reqps", "{{decision}}", `sum by (decision) (rate(`+keyAuth+`requests_total{SEL,decision=~"`+withoutKey+`"}[$__rate_interval])) > 0`).pile(),
		one("With a known key", "Rejected requests of callers with a known key, by reason, per second.", "reqps", "{{reason}}", `sum by (reason) (rate(`+keyAuth+`rejected_requests_total{SEL}[$__rate_interval])) > 0`).pile(),
		one("Throttled sources", "Requests from addresses that sent too many wrong keys, per second.", "reqps", "throttled", `sum(rate(`+keyAuth+`throttled_requests_total{SEL}[$__rate_interval]))`),
		one("By request_guard", "Requests that request_guard rejected before they were decoded, per second.", "reqps", "{{protocol}} {{reason}}", `sum by (protocol, reason) (rate(`+guard+`rejected_requests_total{SEL}[$__rate_interval])) > 0`).pile(),
		one("By tenant_routing", "Requests that tenant_routing did not accept, per second.", "reqps", "{{signal}} {{reason}}", `sum by (signal, reason) (rate(`+routing+`refused_requests_total{SEL}[$__rate_interval])) > 0`).pile(),
		one("By limits and admission", "Records that the tenant processor rejected, per second.", "cps", "{{reason}}", `sum by (reason) (rate(`+limits+`refused_records_total{SEL}[$__rate_interval])) > 0`).pile(),
		one("Closed connections", "Connections that were closed because of a limit, per second.", "cps", "{{reason}}", `sum by (reason) (rate(`+guard+`closed_connections_total{SEL}[$__rate_interval])) > 0`).pile(),
		one("Forged tenants", "Attributes that named another tenant than the data belongs to, and were overwritten, per second.", "cps", "{{location}}", `sum by (location) (rate(`+limits+`overwritten_attributes_total{SEL}[$__rate_interval]))`),
		one("Clients behind proxies", "Requests of trusted proxies by whether their headers contain the client's address, per second.", "reqps", "{{address}}", `sum by (address) (rate(`+keyAuth+`proxied_requests_total{SEL}[$__rate_interval]))`).pile(),
	}}
}

func gatewayRegistry() row {
	return row{"Registry and audit", []panel{
		one("Registry age", "Time since the source was last read and had the registry in force.", "s", "{{instance}}", `max by (instance) (`+registry+`age_seconds{SEL})`),
		graph(operatorSource, "Source of the registry", "1: the source is available, valid and in force. Forked is 1 while the source is rejected because it is no successor.", "short",
			query{expr: within(`min by (instance) (` + registry + `source_ok{SEL})`), legend: "ok {{instance}}"},
			query{expr: within(`max by (instance) (` + registry + `forked{SEL})`), legend: "forked {{instance}}"}).upTo(1),
		one("Registries in force", "Gateways by the hash of their registry. More than one hash for long: a gateway does not follow.", "short", "{{hash}} {{source}}", `count by (hash, source) (`+registry+`info{SEL})`).pile(),
		one("Keys that expire", "Keys of active tenants that are valid now and expire soon.", "short", "in {{ends_within}}", `max by (ends_within) (`+registry+`keys_near_expiry{SEL})`),
		one("Audit entries that wait", "Entries that could not be written to the audit log yet.", "short", "{{instance}}", `max by (instance) (`+keyAuth+`audit_waiting_entries{SEL})`),
		one("Tenants by what they send", "Active tenants. Silent: sent data before and sends nothing now. Inactive: silent for days.", "short", "{{sending}}", `max by (sending) (otelcol_extension_tenant_health_tenants{SEL})`).pile(),
		one("Keys by use", "Valid keys of active tenants by whether they are in use.", "short", "{{sending}}", `max by (sending) (otelcol_extension_tenant_health_keys{SEL})`).pile(),
		one("Changes of the registry", "Times that the content of the source changed, by whether it came into force.", "short", "{{outcome}}", `sum by (outcome) (increase(`+registry+`loads_total{SEL}[$__rate_interval]))`),
	}}
}

// resources is the row of memory, CPU and disk.
func resources(ofGateway bool) row {
	panels := []panel{
		one("Memory", "Physical memory of the process.", "bytes", "{{instance}}", `max by (instance) (`+process+`memory_rss_bytes{SEL})`),
		one("Heap", "Bytes of the Go heap.", "bytes", "{{instance}}", `max by (instance) (`+process+`runtime_heap_alloc_bytes{SEL})`),
		one("CPU", "Processors that the process uses.", "short", "{{instance}}", `sum by (instance) (rate(`+process+`cpu_seconds_total{SEL}[$__rate_interval]))`),
		graph(operatorSource, "Memory of requests", "Bytes that requests in flight hold, and may hold.", "bytes",
			query{expr: within(`sum by (instance) (` + guard + `in_flight_memory_bytes{SEL})`), legend: "held {{instance}}"},
			query{expr: within(`sum by (instance) (` + guard + `memory_limit_bytes{SEL})`), legend: "limit {{instance}}"}),
		graph(operatorSource, "Requests and connections", "Requests in flight, large ones that wait, and open connections.", "short",
			query{expr: within(`sum(` + guard + `in_flight_requests{SEL})`), legend: "requests"},
			query{expr: within(`sum(` + guard + `large_requests_waiting{SEL})`), legend: "large requests that wait"},
			query{expr: within(`sum(` + guard + `connections{SEL})`), legend: "connections"}),
		one("Uptime", "Time since the process started.", "s", "{{instance}}", `max by (instance) (`+process+`uptime_seconds_total{SEL})`),
	}
	if ofGateway {
		panels = append(panels,
			one("Throttled tenants", "Tenants that were slowed down because they use most of the processors.", "short", "{{instance}}", `max by (instance) (`+guard+`throttled_tenants{SEL})`),
			one("Memory of remote write", "Memory of what is remembered of metric families and target_info, of all tenants.", "bytes", "{{instance}}", `max by (instance) (otelcol_receiver_prometheus_remote_write_remembered_bytes{SEL})`),
			one("Delta series", "Delta time series whose totals are kept.", "short", "{{instance}}", `max by (instance) (`+routing+`delta_series{SEL})`))
	}
	return row{"Resources", panels}
}
