// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestLevelOfLine(t *testing.T) {
	for line, want := range map[string]level{
		``:                                      {},
		`an error occurred`:                     {},
		`level=info`:                            {9, "info"},
		`ts=1 level=warn msg="x"`:               {13, "warn"},
		`lvl="error" msg=x`:                     {17, "error"},
		`log.level=debug`:                       {5, "debug"},
		`loglevel=info`:                         {},
		`url=/?level=info`:                      {},
		`level= x`:                              {},
		`LEVEL=FATAL`:                           {21, "FATAL"},
		`severity=nonsense`:                     {0, "nonsense"},
		`{"level":"info"}`:                      {9, "info"},
		`  {"msg":"x","level" : "WARN"}`:        {13, "WARN"},
		`{"level":30,"msg":"x"}`:                {9, "30"},
		`{"a":{"level":"error"},"lvl":"debug"}`: {5, "debug"},
		`{"a":["level","error"]}`:               {},
		`{"a":"level\":\"error"}`:               {},
		`{"a":"\\","level":"error"}`:            {17, "error"},
		`{"level":null}`:                        {},
		`{"level":true}`:                        {},
		`{"level":{"level":"info"}}`:            {},
		`{"level":"in\u0066o"}`:                 {},
		`{"level":null,"lvl":"debug"}`:          {5, "debug"},
		`{"level":{"a":1},"severity":"warn"}`:   {13, "warn"},
		`{"level":"","msg":"x","LVL":30}`:       {9, "30"},
		`{"msg":"x"} level=info`:                {},
		`{"a`:                                   {},
		`{level=info}`:                          {},
	} {
		assert.Equal(t, want, levelOfLine(line), line)
	}
	assert.Zero(t, levelOfLine(strings.Repeat(" ", maxLevelSearch)+"level=info"))
}

func TestLevel_OfLabelsMetadataAndLine(t *testing.T) {
	for name, tt := range map[string]struct {
		labels, metadata, line string
		want                   level
	}{
		"label":                     {`"level":"info"`, ``, `level=error`, level{9, "info"}},
		"metadata":                  {``, `"Severity":"WARN"`, `level=error`, level{13, "WARN"}},
		"line":                      {``, `"a":"b"`, `level=error`, level{17, "error"}},
		"label before metadata":     {`"severity":"info"`, `"level":"error"`, ``, level{9, "info"}},
		"detected before label":     {`"level":"info"`, `"detected_level":"error"`, ``, level{17, "error"}},
		"detected unknown":          {`"level":"info"`, `"detected_level":"unknown"`, ``, level{9, "info"}},
		"number":                    {``, `"severity_number":"18"`, `level=info`, level{18, ""}},
		"number and text":           {``, `"severity_number":"18","severity_text":"Oops"`, ``, level{18, "Oops"}},
		"number that is none":       {``, `"severity_number":"99"`, `level=info`, level{9, "info"}},
		"word that nobody knows":    {`"level":"purple"`, ``, `level=info`, level{0, "purple"}},
		"pino's number":             {`"level":50`, ``, ``, level{17, "50"}},
		"text that is no level":     {`"level":"` + strings.Repeat("x", 100) + `"`, ``, `level=info`, level{9, "info"}},
		"other label that is one":   {`"level":"` + strings.Repeat("x", 100) + `","lvl":"warn"`, ``, `level=info`, level{13, "warn"}},
		"other metadata":            {``, `"level":"` + strings.Repeat("x", 100) + `","lvl":"warn"`, `level=info`, level{13, "warn"}},
		"label after detected":      {`"level":"warn"`, `"detected_level":"` + strings.Repeat("x", 100) + `"`, ``, level{13, "warn"}},
		"detected by Loki and line": {``, `"detected_level":"unknown"`, `level=info`, level{9, "info"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := mustJSON(t, `{"streams":[{"stream":{`+tt.labels+`},"values":[["1","`+tt.line+`",{`+tt.metadata+`}]]}]}`)
			got := records(r.Logs)[0]
			assert.Equal(t, tt.want, level{plog.SeverityNumber(got.Severity), got.Word}) //nolint:gosec // a severity
		})
	}
}

func FuzzLevelOfLine(f *testing.F) {
	for _, line := range []string{`{"level":"info"}`, `{"a":[{"level":"x"}],"lvl":30}`, `level=info`, `a="b" lvl=warn`, `{"a":"\"","level":"e"}`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = valid(line) // as all lines are
		got := levelOfLine(line)
		if got.number < 0 || got.number > 24 || len(got.text) > maxLevelText {
			t.Fatal(got)
		}
		var fields map[string]json.RawMessage
		if len(line) > maxLevelSearch || json.Unmarshal([]byte(line), &fields) != nil || fields == nil || strings.Contains(line, `\u`) {
			return
		}
		// One of its own fields has the level.
		found := !got.found()
		for name, raw := range fields {
			if !isLevelName(name) {
				continue
			}
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			found = found || text == got.text
		}
		if !found && strings.Count(line, `evel"`)+strings.Count(line, "EVEL\"")+strings.Count(strings.ToLower(line), `severity`)+strings.Count(strings.ToLower(line), `lvl"`) < 2 {
			t.Fatalf("%q: %v", line, got)
		}
	})
}
