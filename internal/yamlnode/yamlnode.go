// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package yamlnode builds, searches and encodes nodes of YAML documents. A style
// of 0 is a block, yaml.FlowStyle is the form in braces or brackets.
package yamlnode

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// Mapping returns an empty mapping.
func Mapping(style yaml.Style) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: style}
}

// Sequence returns a list of items.
func Sequence(style yaml.Style, items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: style, Content: items}
}

// Text returns a string. It is quoted where YAML would read another type.
func Text(s string) *yaml.Node { return scalar("!!str", s) }

// Integer returns a number that is given as text.
func Integer(s string) *yaml.Node { return scalar("!!int", s) }

// Timestamp returns a time that is given as text.
func Timestamp(s string) *yaml.Node { return scalar("!!timestamp", s) }

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// Append adds a key and its value to the end of the mapping m.
func Append(m *yaml.Node, key string, v *yaml.Node) {
	m.Content = append(m.Content, Text(key), v)
}

// Get returns the value of a key of the mapping m. It is nil if m has no such
// key or is not a mapping.
func Get(m *yaml.Node, key string) *yaml.Node {
	if m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// Encode returns n as text, with two spaces of indentation for each level.
func Encode(n *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	err := enc.Close()
	return out.Bytes(), err
}

// Indent inserts spaces before every line of text that is not blank.
func Indent(text []byte, spaces int) []byte {
	prefix := bytes.Repeat([]byte(" "), spaces)
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 {
			out.Write(prefix)
		}
		out.Write(line)
	}
	return out.Bytes()
}
