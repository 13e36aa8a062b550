// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package benchdoors

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

// lokiLabelSets are sets of labels in the form of Loki's clients.
func lokiLabelSets() []string {
	return []string{
		`{a="b"}`, `{}`, `{ }`, `{a="b",}`, `{a="b", c="d"}`, "{\n\ta = \"b\" ,\r\n c=\"d\"\n}", `{a='b'}`, "{a=`b`}", "{a=`b\\n`}", `{a="\"\\\n\t"}`,
		`{a="\x41\101\u00e9\U0001F600"}`, `{a='\''}`, `{a="'"}`, `{a='"'}`, `{a="{}"}`, `{a="b,c=\"d\""}`, `{a="\q"}`, `{a="\xZZ"}`, `{a="\u12"}`, `{a="\'"}`,
		`{"a"="b"}`, `{"a.b"="c"}`, `{"a b"="c",d="e"}`, `{a=""}`, `{_a1="b"}`, `{a="ünï"}`,
		`{,}`, `{a="b",,}`, `{a="b" c="d"}`, `{a="b";c="d"}`, `{a}`, `{a=}`, `{a=b}`, `{a="b`, `{a="b"`, `a="b"}`, `{a="b"}}`, `{1a="b"}`, `{a-b="c"}`,
		`{a="x"y"}`, `{a!="b"}`, `{a=~"b"}`, "{a=\"b\nc\"}", "{a=`b\nc`}", `{="b"}`, `{a=="b"}`, `{a="b"} x`, `{é="b"}`, `{a="b",a2="c",a3="d",a4="e"}`,
	}
}

// TestLokiLabels compares testdata of the loki_push receiver with what Prometheus' parser,
// which is Loki's, makes of the same sets. UPDATE=1 writes it.
func TestLokiLabels(t *testing.T) {
	const file = "../../receiver/lokipushreceiver/internal/push/testdata/prometheus-labels.jsonl"
	var out bytes.Buffer
	p := parser.NewParser(parser.Options{})
	for _, set := range lokiLabelSets() {
		row := struct {
			Set    string            `json:"set"`
			Labels map[string]string `json:"labels,omitempty"`
			Fails  bool              `json:"fails,omitempty"`
		}{Set: set}
		labels, err := p.ParseMetric(set)
		if err != nil {
			row.Fails = true
		} else {
			row.Labels = labels.WithoutEmpty().Map()
		}
		line, err := json.Marshal(row)
		require.NoError(t, err)
		out.Write(append(line, '\n'))
	}
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}
