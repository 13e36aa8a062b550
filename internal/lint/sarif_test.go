// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"bytes"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// The output has what SARIF 2.1.0 and services that read it require.
func TestWriteSARIF(t *testing.T) {
	result := &Result{Findings: []Finding{
		{Rule: "OT101", Severity: finding.Error, File: "a dir/gateway.yaml", Line: 3, Column: 5, Key: "exporters::otlp::endpoint", Message: "is <b>"},
		{Rule: "OT102", Severity: finding.Note, File: "/etc/gateway.yaml", Line: 1, Column: 0, Key: "x", Suppressed: "a lab"},
		{Rule: "OT701", Severity: finding.Error, File: "postgres://localhost/tenants", Key: "tenants"},
	}}
	var out bytes.Buffer
	require.NoError(t, WriteSARIF(&out, result, "1.2.3"))
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version, InformationURI string
					Rules                         []struct {
						ID, HelpURI                             string
						ShortDescription, FullDescription, Help struct{ Text string }
						DefaultConfiguration                    struct{ Level string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           *struct{ StartLine, StartColumn int }
					}
				}
				Suppressions []struct{ Kind, Justification string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &log))
	assert.Equal(t, "2.1.0", log.Version)
	require.Len(t, log.Runs, 1)
	run := log.Runs[0]
	assert.Equal(t, "1.2.3", run.Tool.Driver.Version)
	rules := run.Tool.Driver.Rules
	require.Len(t, rules, len(Rules()))
	for _, r := range rules {
		for _, text := range []string{r.ShortDescription.Text, r.FullDescription.Text, r.Help.Text} {
			assert.NotEmpty(t, text, r.ID)
		}
		u, err := url.Parse(r.HelpURI)
		require.NoError(t, err)
		assert.True(t, u.IsAbs() && u.Fragment != "", r.HelpURI)
		assert.Contains(t, []string{"note", "warning", "error"}, r.DefaultConfiguration.Level)
	}
	require.Len(t, run.Results, 3)
	for _, r := range run.Results {
		assert.Equal(t, r.RuleID, rules[r.RuleIndex].ID)
		assert.NotEmpty(t, r.Message.Text)
		require.Len(t, r.Locations, 1)
	}
	first, second, third := run.Results[0], run.Results[1], run.Results[2]
	assert.Equal(t, "a%20dir/gateway.yaml", first.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	assert.Equal(t, 3, first.Locations[0].PhysicalLocation.Region.StartLine)
	assert.Contains(t, first.Message.Text, "is <b>")
	assert.Empty(t, first.Suppressions)
	assert.Equal(t, "file:///etc/gateway.yaml", second.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	assert.Equal(t, 1, second.Locations[0].PhysicalLocation.Region.StartColumn, "columns count from 1")
	assert.Equal(t, "inSource", second.Suppressions[0].Kind)
	assert.Nil(t, third.Locations[0].PhysicalLocation.Region)
}
