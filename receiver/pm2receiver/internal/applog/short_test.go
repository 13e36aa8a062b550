// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// tokens are the beginnings of everything that a head of a line may have.
var tokens = []string{
	"(", ")", "[", "]", "<", ">", "{", "}", "\"", "'", ":", " ", "\t", "|", "-", "/", ".", ",", "=", "!", "?", "&", "#", "%", "+", "\r", "\x1b[31m",
	"1", "12", "2026-11-21 14:08:36", "2026-11-21T14:08:36.735Z", "14:08:36", "Nov 21 14:08:36", "[05-Oct-2026 09:17:52 UTC]", "1.7952269167e+09", "1763730516",
	"PHP", "npm", "ERR", "ERROR", "error", "info", "INFO", "E", "WARN", "ERRO", "[GIN]", "GET", "HTTP/1.1", "10.0.0.7", "-->", "---", "api-1", "›", "✖", "⚠",
	"trace_id=", "TRACE_ID=", "trace=", "span_id=", "dd.trace_id=", "x-amzn-trace-id:", "traceparent=", "trace_flags", "level=", "msg=", "time=", "\\", "\\x1b", "Level.",
}

// Heads end at any place: the parser must read what is there and no more.
func TestParser_ReadsLinesThatEndAnywhere(t *testing.T) {
	p := New(Settings{JSON: true, Strip: true, Location: time.UTC})
	mem := slab.New(slab.Usage{})
	read := func(line string) {
		text := []byte(line)
		text = text[:len(text):len(text)]
		p.Leads(text)
		p.Starts(text)
		p.Parse(text, text, plog.NewLogRecord(), mem)
	}
	for _, a := range tokens {
		read(a)
		for _, b := range tokens {
			for _, between := range []string{"", " "} {
				read(a + between + b)
			}
			mem = slab.New(slab.Usage{})
			for _, c := range tokens {
				read(a + " " + b + c)
				read(a + b + " " + c)
			}
		}
	}
	for _, g := range Grammars {
		for end := range len(g.Example) {
			read(strings.ToValidUTF8(g.Example[:end], "\uFFFD"))
		}
	}
	for _, g := range AccessForms {
		for end := range len(g.Example) {
			read(strings.ToValidUTF8(g.Example[:end], "\uFFFD"))
		}
	}
}
