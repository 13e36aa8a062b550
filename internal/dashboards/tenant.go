// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import "strings"

// The data sources of tenants.
var (
	logsOf    = source{"loki", LogsSource}
	metricsOf = source{"prometheus", MetricsSource}
	tracesOf  = source{"tempo", TracesSource}
)

func logGraph(title, description, unit, legend, expr string) panel {
	return graph(logsOf, title, description, unit, query{expr: expr, legend: legend}).wide(12).pile()
}

func spanGraph(title, description, unit, expr string) panel {
	return graph(tracesOf, title, description, unit, query{expr: expr}).wide(12)
}

func metricGraph(title, description, unit, legend, expr string) panel {
	return graph(metricsOf, title, description, unit, query{expr: expr, legend: legend}).wide(12)
}

// Selections of log streams and spans: of all services, and of those of the variable.
const (
	streams     = `{service_name=~"$service"}`
	allStreams  = `{service_name=~".+"}`
	allSpans    = `{}`
	spans       = `{ resource.service.name =~ "$service" }`
	errorSpans  = `{ resource.service.name =~ "$service" && status = error }`
	serverSpans = `{ resource.service.name =~ "$service" && kind = server }`
	levels      = `error|fatal|critical`
)

// service is the selection of services, by their logs.
func service(description string) []variable {
	return []variable{{name: "service", label: "Service", description: description, of: logsOf, query: "service_name", multi: true}}
}

func tenantBoard(name, title, description string) *board {
	return &board{
		name: name, uid: "otelcol-" + name, title: title, description: description,
		tags: []string{"tenant"}, refresh: "1m", from: "now-3h",
	}
}

// tenantOverview shows what arrives, of all signals.
func tenantOverview() *board {
	b := tenantBoard("tenant-overview", "Overview", "What arrived of logs, metrics and traces, and what is wrong with it.")
	b.rows = []row{
		{"What arrives", []panel{
			number(logsOf, "Log lines", "Log lines per second.", "cps", `sum(rate(`+allStreams+` [$__auto]))`).wide(6),
			number(logsOf, "Log bytes", "Bytes of log lines per second.", "Bps", `sum(bytes_rate(`+allStreams+` [$__auto]))`).wide(6),
			number(metricsOf, "Active series", "Time series with a sample in the last 5 minutes.", "short", `count({__name__=~".+"})`).wide(6),
			number(tracesOf, "Spans", "Spans per second.", "cps", allSpans+` | rate()`).wide(6),
		}},
		{"Volume", []panel{
			logGraph("Log bytes by service", "Bytes of log lines per second.", "Bps", "{{service_name}}", `sum by (service_name) (bytes_rate(`+allStreams+` [$__auto]))`),
			spanGraph("Spans by service", "Spans per second.", "cps", allSpans+` | rate() by (resource.service.name)`).pile(),
			metricGraph("Series by service", "Time series with a sample in the last 5 minutes.", "short", "{{job}}", `count by (job) ({__name__=~".+"})`).pile(),
			logGraph("Log lines by severity", "Log lines per second. Lines without a recognized level are unknown.", "cps", "{{detected_level}}", `sum by (detected_level) (rate(`+allStreams+` [$__auto]))`),
		}},
		{"Errors", []panel{
			logGraph("Error lines by service", "Log lines of severity error or fatal, per second.", "cps", "{{service_name}}", `sum by (service_name) (rate(`+allStreams+" | detected_level=~`"+levels+"` [$__auto]))"),
			spanGraph("Failed spans by service", "Spans with status error, per second.", "cps", `{ status = error } | rate() by (resource.service.name)`).pile(),
		}},
	}
	return b
}

// tenantLogs shows log lines by severity.
func tenantLogs() *board {
	b := tenantBoard("tenant-logs", "Logs", "Log lines by severity and service.")
	b.variables = service("One or several services.")
	b.rows = []row{
		{"Volume", []panel{
			logGraph("Lines by severity", "Log lines per second. Lines without a recognized level are unknown.", "cps", "{{detected_level}}", `sum by (detected_level) (rate(`+streams+` [$__auto]))`),
			logGraph("Lines by service", "Log lines per second.", "cps", "{{service_name}}", `sum by (service_name) (rate(`+streams+` [$__auto]))`),
			logGraph("Error lines by service", "Log lines of severity error or fatal, per second.", "cps", "{{service_name}}", `sum by (service_name) (rate(`+streams+" | detected_level=~`"+levels+"` [$__auto]))"),
			logGraph("Bytes by service", "Bytes of log lines per second.", "Bps", "{{service_name}}", `sum by (service_name) (bytes_rate(`+streams+` [$__auto]))`),
		}},
		{"Errors", []panel{lines(logsOf, "Error lines", "The newest log lines of severity error or fatal.", streams+" | detected_level=~`"+levels+"`")}},
		{"All", []panel{lines(logsOf, "Lines", "The newest log lines.", streams)}},
	}
	return b
}

// tenantTraces shows rate, errors and duration of requests, calculated from spans.
func tenantTraces() *board {
	b := tenantBoard("tenant-traces", "Traces", "Rate, errors and duration of requests, calculated from spans by TraceQL metrics.")
	b.variables = service("One or several services, by their logs. All includes services without logs.")
	list := func(title, description, expr string) panel {
		return panel{kind: "table", title: title, description: description, width: 12, height: 10, of: tracesOf, queries: []query{{expr: expr, traces: true}}}
	}
	b.rows = []row{
		{"Requests", []panel{
			spanGraph("Rate", "Spans of kind server, per second.", "reqps", serverSpans+` | rate() by (resource.service.name)`),
			spanGraph("Errors", "Spans with status error, per second.", "cps", errorSpans+` | rate() by (resource.service.name)`),
			spanGraph("Duration", "Quantiles of the duration of spans of kind server.", "s", serverSpans+` | quantile_over_time(duration, .5, .95, .99)`),
			spanGraph("Slowest operations", "95th percentile of the duration, by name of the span.", "s", serverSpans+` | quantile_over_time(duration, .95) by (name)`),
			spanGraph("Spans by service", "All spans, per second.", "cps", spans+` | rate() by (resource.service.name)`).pile(),
			spanGraph("Errors by operation", "Spans with status error by name, per second.", "cps", errorSpans+` | rate() by (name)`),
		}},
		{"Traces", []panel{
			list("Failed", "The newest traces with a failed span.", errorSpans),
			list("Slow", "The newest traces with a span of kind server of more than a second.", `{ resource.service.name =~ "$service" && kind = server && duration > 1s }`),
		}},
	}
	return b
}

// tenantMetrics is a start to explore metrics.
func tenantMetrics() *board {
	b := tenantBoard("tenant-metrics", "Metrics", "Which metrics exist, and one of them as a graph.")
	b.variables = []variable{{name: "metric", label: "Metric", description: "The metric to show.", of: metricsOf, query: "metrics(.+)"}}
	b.rows = []row{
		{"One metric", []panel{
			metricGraph("Value", "The value of each series of the metric. At most 50 series.", "short", "", `topk(50, {__name__="$metric"})`),
			metricGraph("Rate", "The increase of each series per second, if the metric is a counter. At most 50 series.", "short", "", `topk(50, rate({__name__="$metric"}[$__rate_interval]))`),
		}},
		{"All metrics", []panel{
			table(metricsOf, "Series by metric", "The 50 metrics with the most time series.", "short", query{expr: `topk(50, count by (__name__) ({__name__=~".+"}))`}),
			table(metricsOf, "Series by job", "Time series of each service.", "short", query{expr: `count by (job) ({__name__=~".+"})`}),
			metricGraph("Series over time", "Time series with a sample in the last 5 minutes, by service.", "short", "{{job}}", `count by (job) ({__name__=~".+"})`).wide(columns).pile(),
		}},
	}
	return b
}

// tenantPM2 shows the processes of PM2, as agents report them.
func tenantPM2() *board {
	b := tenantBoard("tenant-pm2", "PM2 processes", "The processes of PM2 on all machines with an agent.")
	b.variables = []variable{{
		name: "app", label: "Application", description: "PM2's name of one or several applications.", of: metricsOf,
		query: "label_values(pm2_process_memory_usage_bytes, job)", multi: true,
	}}
	of := func(expr string) string { return strings.ReplaceAll(expr, "SEL", `job=~"$app"`) }
	b.rows = []row{{"Processes", []panel{
		metricGraph("Processors", "Processors that each process uses. 1 is one CPU.", "percentunit", "{{job}} {{instance}}", of(`pm2_process_cpu_utilization_ratio{SEL}`)),
		metricGraph("Memory", "Physical memory of each process.", "bytes", "{{job}} {{instance}}", of(`pm2_process_memory_usage_bytes{SEL}`)),
		metricGraph("Restarts", "Times that PM2 started a process again, in the interval.", "short", "{{job}} {{instance}}", of(`increase(pm2_process_restarts_total{SEL}[$__rate_interval])`)),
		metricGraph("Unstable restarts", "Times in a row that a process ended before min_uptime. At max_restarts PM2 gives it up.", "short", "{{job}} {{instance}}", of(`pm2_process_unstable_restarts{SEL}`)),
		metricGraph("State", "Processes by what PM2 says of them.", "short", "{{pm2_process_state}}", of(`sum by (pm2_process_state) (pm2_process_status{SEL})`)).pile(),
		metricGraph("Uptime", "Time since each process was last started.", "s", "{{job}} {{instance}}", of(`pm2_process_uptime_seconds{SEL}`)),
	}}}
	return b
}
