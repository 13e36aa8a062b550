// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

// board is what a dashboard shows.
type board struct {
	name, uid, title, description string
	tags                          []string
	refresh, from                 string
	variables                     []variable
	rows                          []row
}

// row is a heading with panels below it, side by side in the order of the slice.
type row struct {
	title  string
	panels []panel
}

// source is a data source.
type source struct{ kind, uid string }

// operatorSource is the Prometheus that a user of an operator's dashboard selects.
var operatorSource = source{"prometheus", "${datasource}"}

// variable is a control above the panels.
type variable struct {
	name, label, description string
	of                       source
	query                    string // Prometheus: of label values; Loki: the label; empty for the selection of a data source
	multi                    bool   // several values, or all
}

// The number of columns of a dashboard.
const columns = 24

// model returns the dashboard in the form of Grafana's API.
func (b *board) model() *dashboardModel {
	m := &dashboardModel{
		UID: b.uid, Title: b.title, Description: b.description, Tags: append([]string{"otelcol-tenant"}, b.tags...),
		SchemaVersion: schemaVersion, Editable: true, GraphTooltip: sharedCrosshair, Refresh: b.refresh, Timezone: "browser",
		Time: timeRange{From: b.from, To: "now"}, Links: []any{}, Annotations: annotations{List: []any{}},
		Templating: templating{List: []variableModel{}},
	}
	for i := range b.variables {
		m.Templating.List = append(m.Templating.List, b.variables[i].model())
	}
	y, id := 0, 0
	for _, r := range b.rows {
		id++
		m.Panels = append(m.Panels, panelModel{
			ID: id, Type: "row", Title: r.title, GridPos: gridPos{H: 1, W: columns, Y: y}, Collapsed: new(bool), Panels: &[]any{},
		})
		y++
		x, height := 0, 0
		for i := range r.panels {
			p := &r.panels[i]
			if x+p.width > columns {
				x, y, height = 0, y+height, 0
			}
			id++
			pm := p.model()
			pm.ID, pm.GridPos = id, gridPos{H: p.height, W: p.width, X: x, Y: y}
			m.Panels = append(m.Panels, pm)
			x += p.width
			height = max(height, p.height)
		}
		y += height
	}
	return m
}

func (v *variable) model() variableModel {
	m := variableModel{Name: v.name, Label: v.label, Description: v.description, Hide: 0}
	if v.query == "" {
		m.Type, m.Query = "datasource", v.of.kind
		return m
	}
	m.Type, m.Datasource, m.Definition = "query", &sourceModel{v.of.kind, v.of.uid}, v.query
	if v.of.kind == "loki" {
		m.Query = lokiVariable{Label: v.query, Type: lokiLabelValues, RefID: "LokiVariableQueryEditor-VariableQuery"}
	} else {
		m.Query = prometheusVariable{Query: v.query, RefID: "StandardVariableQuery"}
	}
	m.Refresh, m.Sort = onTimeRange, alphabetical
	if v.multi {
		m.Multi, m.IncludeAll, m.AllValue = true, true, ".+" // Loki needs a matcher that the empty string does not satisfy
		m.Current = &currentValue{Text: []string{"All"}, Value: []string{"$__all"}}
	}
	return m
}
