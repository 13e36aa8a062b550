// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestDocs_HaveARowForEachProfile compares the table of docs/backends.md with the code.
func TestDocs_HaveARowForEachProfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "backends.md"))
	require.NoError(t, err)
	rows := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if name := strings.Trim(cells[0], " `"); len(cells) == 6 && strings.HasPrefix(cells[0], " `") {
			assert.NotContains(t, rows, name)
			rows[name] = cells
		}
	}
	assert.Len(t, rows, len(profiles()), "a row and no other")
	answer := map[bool]string{true: "yes", false: "no"}
	for _, p := range profiles() {
		row := rows[p.Name]
		if !assert.NotNil(t, row, "docs/backends.md has no row for %s", p.Name) {
			continue
		}
		var signals []string
		for _, s := range tenant.AllSignals() {
			if path := p.Paths[s]; path != "" {
				signals = append(signals, fmt.Sprintf("%s `%s`", s, path))
			}
		}
		assert.Equal(t, strings.Join(signals, ", "), strings.TrimSpace(row[1]), p.Name)
		assert.Equal(t, p.NoTenancy, strings.Contains(row[2], "not at all"), p.Name)
		for name, value := range p.Headers {
			if name != "VL-Stream-Fields" {
				assert.Contains(t, row[2], fmt.Sprintf("`%s: %s`", name, value), p.Name)
			}
		}
		assert.Equal(t, string(p.Compression), strings.TrimSpace(row[3]), p.Name)
		assert.Equal(t, answer[p.Cumulative], strings.TrimSpace(row[4]), p.Name)
		assert.Equal(t, answer[p.NoGRPC == ""], strings.TrimSpace(row[5]), p.Name)
	}
	for _, flag := range []string{
		"--web.enable-otlp-receiver", "out_of_order_time_window", "promote_resource_attributes", "-blocks-storage.tsdb.enable-native-histograms",
		"-opentelemetry.usePrometheusNaming", "VL-Stream-Fields", "-httpListenAddr", "delta_to_cumulative",
	} {
		assert.Contains(t, string(text), flag)
	}
}
