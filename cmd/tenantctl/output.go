// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// print writes v as JSON or YAML, or else what table writes. Both forms have
// the same names, those of v's json tags.
func (a *app) print(v any, table func(w io.Writer) error) error {
	switch a.output {
	case "json":
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	case "yaml":
		return writeYAML(a.out, v)
	default:
		return table(a.out)
	}
}

// writeYAML encodes v as JSON first, so that names and order are the same.
func writeYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text.Bytes(), &doc); err != nil {
		return err
	}
	unquote(&doc)
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	if err := out.Encode(&doc); err != nil {
		return err
	}
	return out.Close()
}

// unquote lets the encoder choose how to write each node. Text stays text: the
// tag of a quoted scalar makes it quote what would read as something else.
func unquote(n *yaml.Node) {
	if n.Style&yaml.DoubleQuotedStyle != 0 {
		n.Tag = "!!str"
	}
	n.Style = 0
	for _, c := range n.Content {
		unquote(c)
	}
}

// printable replaces the characters with which text of other people could forge
// lines or colors of a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !safetext.Safe(r) {
			return '\ufffd'
		}
		return r
	}, text)
}

// rows writes lines of columns under a header.
func rows(w io.Writer, header []string, lines [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{header}, lines...) {
		safe := make([]string, len(cells))
		for n, cell := range cells {
			safe[n] = printable(cell)
		}
		if _, err := fmt.Fprintln(tw, strings.TrimRight(strings.Join(safe, "\t"), "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// orDash returns s, or a dash for the empty text.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
