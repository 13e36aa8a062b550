// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import "maps"

// panel is a graph, a number, a table or a list of log lines.
type panel struct {
	kind               string // Grafana's type of the panel
	title, description string
	unit               string
	width, height      int
	of                 source
	queries            []query
	zero               bool // the axis begins at 0
	stacked            bool
	max                float64 // 0: automatic
	steps              []threshold
	options            map[string]any
}

// query is an expression in the language of the panel's data source.
type query struct {
	expr, legend string
	traces       bool // of Tempo: a list of traces, not a graph
}

// graph returns a graph over time, a third of the width.
func graph(of source, title, description, unit string, queries ...query) panel {
	return panel{kind: "timeseries", title: title, description: description, unit: unit, width: 8, height: 8, of: of, queries: queries, zero: true}
}

// number returns the newest value of a query, an eighth of the width. The color is green
// below the thresholds.
func number(of source, title, description, unit, expr string, steps ...threshold) panel {
	return panel{kind: "stat", title: title, description: description, unit: unit, width: 4, height: 4, of: of, queries: []query{{expr: expr}}, steps: steps}
}

// table returns the newest values of a query as a table.
func table(of source, title, description, unit string, queries ...query) panel {
	return panel{kind: "table", title: title, description: description, unit: unit, width: 12, height: 8, of: of, queries: queries}
}

// lines returns log lines.
func lines(of source, title, description, expr string) panel {
	return panel{kind: "logs", title: title, description: description, width: columns, height: 14, of: of, queries: []query{{expr: expr}}}
}

// wide returns p with another width.
func (p panel) wide(width int) panel {
	p.width = width
	return p
}

// pile returns p with stacked series.
func (p panel) pile() panel {
	p.stacked = true
	return p
}

// upTo returns p with an axis that ends at most.
func (p panel) upTo(most float64) panel {
	p.max = most
	return p
}

func warnFrom(value float64) threshold  { return threshold{Color: "orange", Value: &value} }
func alarmFrom(value float64) threshold { return threshold{Color: "red", Value: &value} }

// model returns the panel without ID and position.
func (p *panel) model() panelModel {
	m := panelModel{
		Type: p.kind, Title: p.title, Description: p.description, Datasource: &sourceModel{p.of.kind, p.of.uid},
		Options: map[string]any{}, FieldConfig: &fieldConfig{Overrides: []any{}},
	}
	d := &m.FieldConfig.Defaults
	d.Unit, d.Mappings = p.unit, []any{}
	if p.zero {
		zero := 0.0
		d.Min = &zero
	}
	if p.max != 0 {
		d.Max = &p.max
	}
	switch p.kind {
	case "timeseries":
		stacking, fill := "none", 10
		if p.stacked {
			stacking, fill = "normal", 30
		}
		d.Color = map[string]any{"mode": "palette-classic"}
		d.Custom = map[string]any{
			"drawStyle": "line", "lineWidth": 1, "fillOpacity": fill, "showPoints": "never", "spanNulls": false,
			"stacking": map[string]any{"group": "A", "mode": stacking},
		}
		m.Options["legend"] = map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
		m.Options["tooltip"] = map[string]any{"mode": "multi", "sort": "desc"}
	case "stat":
		d.Color = map[string]any{"mode": "thresholds"}
		d.Thresholds = &thresholds{Mode: "absolute", Steps: append([]threshold{{Color: "green"}}, p.steps...)}
		m.Options["colorMode"] = "value"
		m.Options["graphMode"] = "area"
		m.Options["textMode"] = "auto"
		m.Options["justifyMode"] = "auto"
		m.Options["orientation"] = "auto"
		m.Options["wideLayout"] = true
		m.Options["showPercentChange"] = false
		m.Options["percentChangeColorMode"] = "standard"
		m.Options["reduceOptions"] = map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	case "table":
		d.Custom = map[string]any{"align": "auto", "filterable": true, "inspect": false}
		m.Options["showHeader"] = true
		m.Options["frameIndex"] = 0
		m.Options["cellHeight"] = "sm"
	case "logs":
		m.Options["showTime"] = true
		m.Options["wrapLogMessage"] = true
		m.Options["enableLogDetails"] = true
		m.Options["sortOrder"] = "Descending"
		m.Options["dedupStrategy"] = "none"
		m.Options["prettifyLogMessage"] = false
		m.Options["showCommonLabels"] = false
		m.Options["showLabels"] = false
		m.Options["showLogContextToggle"] = true
	}
	maps.Copy(m.Options, p.options)
	for i := range p.queries {
		m.Targets = append(m.Targets, p.target(i))
	}
	return m
}

// target returns the query i, whose name is a letter.
func (p *panel) target(i int) target {
	q := &p.queries[i]
	t := target{RefID: string(rune('A' + i)), Datasource: sourceModel{p.of.kind, p.of.uid}, LegendFormat: q.legend}
	switch p.of.kind {
	case "tempo":
		t.Query, t.QueryType, t.Limit, t.TableType, t.MetricsQueryType = q.expr, "traceql", 20, "traces", "range"
		t.Filters = &[]any{}
		if q.traces {
			t.MetricsQueryType = ""
		}
		t.LegendFormat = ""
	case "loki":
		t.Expr, t.QueryType, t.EditorMode = q.expr, "range", "code"
		if p.kind == "logs" {
			t.MaxLines = 500
		}
		if p.kind == "table" {
			t.QueryType = "instant"
		}
	default:
		t.Expr, t.EditorMode = q.expr, "code"
		if p.kind == "table" {
			t.Instant, t.Format = true, "table"
		} else {
			t.Range = true
		}
	}
	return t
}
