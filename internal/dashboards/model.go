// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

// Values of Grafana's dashboard schema.
const (
	schemaVersion   = 39 // Grafana 11 and later
	sharedCrosshair = 1
	onTimeRange     = 2 // when variables are refreshed
	alphabetical    = 1
	lokiLabelValues = 1
)

// dashboardModel is a dashboard in Grafana's schema. The other types here are its parts.
type dashboardModel struct {
	UID           string       `json:"uid"`
	Title         string       `json:"title"`
	Description   string       `json:"description"`
	Tags          []string     `json:"tags"`
	SchemaVersion int          `json:"schemaVersion"`
	Editable      bool         `json:"editable"`
	GraphTooltip  int          `json:"graphTooltip"`
	Refresh       string       `json:"refresh"`
	Timezone      string       `json:"timezone"`
	Time          timeRange    `json:"time"`
	Links         []any        `json:"links"`
	Annotations   annotations  `json:"annotations"`
	Templating    templating   `json:"templating"`
	Panels        []panelModel `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type annotations struct {
	List []any `json:"list"`
}

type templating struct {
	List []variableModel `json:"list"`
}

type variableModel struct {
	Type        string        `json:"type"`
	Name        string        `json:"name"`
	Label       string        `json:"label"`
	Description string        `json:"description"`
	Hide        int           `json:"hide"`
	Datasource  *sourceModel  `json:"datasource,omitempty"`
	Definition  string        `json:"definition,omitempty"`
	Query       any           `json:"query"`
	Refresh     int           `json:"refresh,omitempty"`
	Sort        int           `json:"sort,omitempty"`
	Multi       bool          `json:"multi,omitempty"`
	IncludeAll  bool          `json:"includeAll,omitempty"`
	AllValue    string        `json:"allValue,omitempty"`
	Current     *currentValue `json:"current,omitempty"`
}

type prometheusVariable struct {
	Query string `json:"query"`
	RefID string `json:"refId"`
}

type lokiVariable struct {
	Label  string `json:"label"`
	Stream string `json:"stream"`
	Type   int    `json:"type"`
	RefID  string `json:"refId"`
}

type currentValue struct {
	Text  []string `json:"text"`
	Value []string `json:"value"`
}

type sourceModel struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type panelModel struct {
	ID          int            `json:"id"`
	Type        string         `json:"type"`
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	GridPos     gridPos        `json:"gridPos"`
	Datasource  *sourceModel   `json:"datasource,omitempty"`
	Targets     []target       `json:"targets,omitempty"`
	FieldConfig *fieldConfig   `json:"fieldConfig,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Collapsed   *bool          `json:"collapsed,omitempty"` // of a row
	Panels      *[]any         `json:"panels,omitempty"`    // of a row
}

// target is a query. Prometheus and Loki have expr, Tempo has query.
type target struct {
	RefID            string      `json:"refId"`
	Datasource       sourceModel `json:"datasource"`
	Expr             string      `json:"expr,omitempty"`
	Query            string      `json:"query,omitempty"`
	QueryType        string      `json:"queryType,omitempty"`
	MetricsQueryType string      `json:"metricsQueryType,omitempty"`
	Filters          *[]any      `json:"filters,omitempty"` // of Tempo's query builder
	TableType        string      `json:"tableType,omitempty"`
	Limit            int         `json:"limit,omitempty"`
	LegendFormat     string      `json:"legendFormat,omitempty"`
	EditorMode       string      `json:"editorMode,omitempty"`
	Format           string      `json:"format,omitempty"`
	Instant          bool        `json:"instant,omitempty"`
	Range            bool        `json:"range,omitempty"`
	MaxLines         int         `json:"maxLines,omitempty"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []any         `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string         `json:"unit,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	NoValue    string         `json:"noValue,omitempty"`
	Color      map[string]any `json:"color,omitempty"`
	Custom     map[string]any `json:"custom,omitempty"`
	Mappings   []any          `json:"mappings"`
	Thresholds *thresholds    `json:"thresholds,omitempty"`
}

type thresholds struct {
	Mode  string      `json:"mode"`
	Steps []threshold `json:"steps"`
}

type threshold struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}
