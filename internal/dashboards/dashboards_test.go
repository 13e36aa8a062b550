// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func all() []Dashboard { return slices.Concat(Operator(), Tenant()) }

// TestFiles_AreUpToDate compares what is in git with what the functions return.
func TestFiles_AreUpToDate(t *testing.T) {
	folder := filepath.Join("..", "..", "distributions", "monitoring", "dashboards")
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	assert.Len(t, files, len(all()))
	for _, d := range all() {
		stored, err := os.ReadFile(filepath.Join(folder, d.Name+".json"))
		require.NoError(t, err)
		assert.Equal(t, string(stored), string(d.JSON), "run make generate")
	}
	first, second := all(), all()
	assert.Equal(t, first, second)
}

func decoded(t *testing.T, d Dashboard) (m dashboardModel) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(d.JSON)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&m))
	return m
}

func TestDashboards_AreComplete(t *testing.T) {
	uids := map[string]bool{}
	kinds := []string{"row", "timeseries", "stat", "table", "logs"} // panels that are part of Grafana
	for _, d := range all() {
		t.Run(d.Name, func(t *testing.T) {
			m := decoded(t, d)
			assert.Equal(t, []string{d.UID, d.Title}, []string{m.UID, m.Title})
			assert.Regexp(t, `^[a-z0-9-]{1,40}$`, d.UID)
			assert.False(t, uids[d.UID], "two dashboards have the UID")
			uids[d.UID] = true
			assert.NotEmpty(t, m.Description)
			assert.NotContains(t, string(d.JSON), "__inputs")
			ids := map[int]bool{}
			var taken [1000][columns]string
			for _, p := range m.Panels {
				assert.Contains(t, kinds, p.Type)
				assert.False(t, ids[p.ID])
				ids[p.ID] = true
				require.NotEmpty(t, p.Title)
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
						require.Less(t, x, columns, p.Title)
						require.Empty(t, taken[y][x], "%s covers it", p.Title)
						taken[y][x] = p.Title
					}
				}
				if p.Type == "row" {
					continue
				}
				assert.Regexp(t, `^[A-Z0-9].*\.$`, p.Description, p.Title)
				traces := p.Datasource.Type == "tempo" && p.Type == "table"
				assert.Equal(t, p.Type == "logs" || traces, p.FieldConfig.Defaults.Unit == "", "%s: unit", p.Title)
				require.NotEmpty(t, p.Targets, p.Title)
				for i, q := range p.Targets {
					assert.Equal(t, string(rune('A'+i)), q.RefID)
					assert.Equal(t, *p.Datasource, q.Datasource)
					assert.NotEqual(t, q.Query != "", q.Expr != "", p.Title)
					assert.Equal(t, p.Datasource.Type == "tempo", q.Query != "", p.Title)
				}
			}
		})
	}
}

// Each variable that a query uses exists.
func TestDashboards_HaveTheVariablesOfTheirQueries(t *testing.T) {
	used := regexp.MustCompile(`\$\{?(\w+)`)
	builtIn := []string{"__rate_interval", "__auto"}
	for _, d := range all() {
		m := decoded(t, d)
		var names []string
		for _, v := range m.Templating.List {
			names = append(names, v.Name)
			require.NotEmpty(t, v.Label)
			require.NotEmpty(t, v.Description)
		}
		for _, p := range m.Panels {
			for _, q := range p.Targets {
				for _, text := range []string{q.Expr, q.Query, q.Datasource.UID} {
					for _, match := range used.FindAllStringSubmatch(text, -1) {
						assert.Contains(t, slices.Concat(builtIn, names), match[1], "%s: %s: %s", d.Name, p.Title, text)
					}
				}
			}
		}
	}
}

// The data source fixes the tenant. Nothing that a tenant sees, or could change, names one.
func TestTenant_HasNoWayToNameATenant(t *testing.T) {
	sources := []sourceModel{{"loki", LogsSource}, {"prometheus", MetricsSource}, {"tempo", TracesSource}}
	named := regexp.MustCompile(`business_id|[tT]enant\w*\s*(=|!=|=~)|X-Scope|\$\{?tenant|label_values\(.*tenant`)
	for _, d := range Tenant() {
		m := decoded(t, d)
		for _, v := range m.Templating.List {
			assert.NotContains(t, []string{"tenant", "business_id", "org", "datasource"}, v.Name, "%s", d.Name)
			require.NotNil(t, v.Datasource, "%s: variable %s selects a data source", d.Name, v.Name)
			assert.Contains(t, sources, *v.Datasource)
		}
		for _, p := range m.Panels {
			if p.Type != "row" {
				assert.Contains(t, sources, *p.Datasource, p.Title)
			}
		}
		assert.NotRegexp(t, named, string(d.JSON), d.Name)
	}
	for _, d := range Operator() {
		for _, p := range decoded(t, d).Panels {
			if p.Type != "row" {
				assert.Equal(t, sourceModel{"prometheus", "${datasource}"}, *p.Datasource)
			}
		}
	}
}

// Loki rejects queries in which every matcher also matches a stream without the label.
func TestTenant_SelectsStreamsAsLokiRequires(t *testing.T) {
	for _, d := range Tenant() {
		m := decoded(t, d)
		for _, v := range m.Templating.List {
			if v.Multi {
				assert.Equal(t, ".+", v.AllValue, "%s: %s", d.Name, v.Name)
			}
		}
		for _, p := range m.Panels {
			for _, q := range p.Targets {
				if q.Datasource.Type == "loki" {
					assert.Regexp(t, `\{service_name=~"(\.\+|\$service)"\}`, q.Expr, p.Title)
				}
			}
		}
	}
}
