// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// recognized is what the README says is read, made of the tables of the code.
func recognized() string {
	var b strings.Builder
	b.WriteString("| means | keys, in the order in which they are asked |\n|---|---|\n")
	for _, r := range []struct {
		role role
		name string
	}{{roleLevel, "severity"}, {roleTime, "timestamp"}, {roleBody, "body"}, {roleTrace, "trace context"}, {roleException, "exception"}, {roleInner, "objects that are looked into"}} {
		var names []string
		for _, row := range rows[1:] {
			switch {
			case row.role != r.role:
			case row.weak && row.role == roleTime:
				names = append(names, "`"+row.name+"`\u00b2")
			case row.weak:
				names = append(names, "`"+row.name+"`\u00b9")
			default:
				names = append(names, "`"+row.name+"`")
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, strings.Join(names, " "))
	}
	b.WriteString("\n| severity | words |\n|---|---|\n")
	for _, row := range severity.Words {
		fmt.Fprintf(&b, "| %d %s | `%s` |\n", row.Number, severity.Name(row.Number), strings.Join(row.Words, "` `"))
	}
	b.WriteString("\n| text | of |\n|---|---|\n")
	cell := func(s string) string {
		return strings.NewReplacer("|", "\\|", "\t", " \u21e5 ").Replace(s)
	}
	for _, g := range Grammars {
		fmt.Fprintf(&b, "| `%s` | %s |\n", cell(g.Example), cell(g.Of))
	}
	for _, g := range AccessForms {
		fmt.Fprintf(&b, "| `%s` | %s |\n", cell(g.Example), cell(g.Of))
	}
	return b.String()
}

func TestReadme_HasWhatIsRecognized(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	want := recognized()
	if !strings.Contains(string(data), want) {
		assert.Fail(t, "the README must have these tables", want)
	}
}

func TestGrammars_AreRead(t *testing.T) {
	for _, g := range Grammars {
		p := New(Settings{JSON: true, Strip: true, Location: time.UTC})
		p.simple = 1
		rec := parseWith(p, g.Example)
		assert.NotZero(t, rec.SeverityNumber(), g.Example)
		assert.Equal(t, g.Example, rec.Body().Str())
	}
	for _, g := range AccessForms {
		rec := parse(g.Example, true)
		assert.NotZero(t, rec.SeverityNumber(), g.Example)
		attrs := rec.Attributes().AsRaw()
		assert.Equal(t, "GET", attrs["http.request.method"], g.Example)
		assert.Equal(t, "/orders", attrs["url.path"], g.Example)
		assert.Equal(t, int64(200), attrs["http.response.status_code"], g.Example)
	}
}

func TestKeys_AreKnownInEverySpelling(t *testing.T) {
	for i := 1; i < len(rows); i++ {
		name := rows[i].name
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name[:1] + "_" + name[1:], name[:1] + "." + name[1:], name[:1] + "-" + name[1:]} {
			if len(name) == 1 && spelling != name || name[0] == '@' && spelling != name && strings.ContainsAny(spelling[1:2], "_.-") {
				continue
			}
			assert.Equal(t, uint8(i), known.of([]byte(spelling)), spelling)
		}
	}
	for _, other := range []string{"", "pid", "hostname", "levels", "timer", "msgs", "request", strings.Repeat("level", 20)} {
		assert.Zero(t, known.of([]byte(other)), other)
	}
}
