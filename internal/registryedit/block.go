// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit

import (
	"bytes"
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/yamlnode"
)

// errNotBlock means that an entry is not written as a block with one field per
// line, so that it can only be rewritten as a whole.
var errNotBlock = errors.New("entry is not a plain block")

// block is the text of one entry that is being edited, cut into lines.
type block struct {
	lines   [][]byte // with line breaks
	newline string
}

// span is a range of lines and the column at which their content begins.
type span struct{ from, to, column int }

func newBlock(text []byte) *block {
	b := &block{newline: "\n"}
	for line := range bytes.Lines(text) {
		b.lines = append(b.lines, line)
	}
	if len(b.lines) > 0 {
		if bytes.HasSuffix(b.lines[0], []byte("\r\n")) {
			b.newline = "\r\n"
		}
		if last := &b.lines[len(b.lines)-1]; !bytes.HasSuffix(*last, []byte("\n")) {
			*last = append(bytes.Clone(*last), b.newline...)
		}
	}
	return b
}

func (b *block) bytes() []byte { return bytes.Join(b.lines, nil) }

// parse returns the entry as a mapping.
func (b *block) parse() (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b.bytes(), &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode || len(doc.Content[0].Content) != 1 {
		return nil, errNotBlock
	}
	m := doc.Content[0].Content[0]
	if m.Kind != yaml.MappingNode {
		return nil, errNotBlock
	}
	return m, nil
}

// trim removes blank lines and comments at the end of s, which belong to what
// follows.
func (b *block) trim(s span) span {
	for s.to > s.from+1 {
		text := bytes.TrimSpace(b.lines[s.to-1])
		if len(text) > 0 && text[0] != '#' {
			break
		}
		s.to--
	}
	return s
}

// fields returns the lines of each field of the entry.
func (b *block) fields() (map[string]span, *yaml.Node, error) {
	m, err := b.parse()
	if err != nil {
		return nil, nil, err
	}
	if m.Style&yaml.FlowStyle != 0 {
		return nil, nil, errNotBlock
	}
	spans := make(map[string]span)
	for i := 0; i+1 < len(m.Content); i += 2 {
		s := span{from: m.Content[i].Line - 1, to: len(b.lines), column: m.Content[i].Column - 1}
		if i+2 < len(m.Content) {
			s.to = m.Content[i+2].Line - 1
		}
		if s.to <= s.from {
			return nil, nil, errNotBlock
		}
		spans[m.Content[i].Value] = b.trim(s)
	}
	return spans, m, nil
}

// text returns the lines of s without their indentation.
func (b *block) text(s span) []byte {
	var out bytes.Buffer
	for i, line := range b.lines[s.from:s.to] {
		cut := 0
		for cut < s.column && cut < len(line) && (line[cut] == ' ' || (i == 0 && line[cut] == '-')) {
			cut++
		}
		out.Write(line[cut:])
	}
	return out.Bytes()
}

// replace replaces s with text. The first line keeps the text before the column,
// which may be the dash of the entry.
func (b *block) replace(s span, text []byte) {
	before := bytes.Clone(b.lines[s.from][:s.column])
	lines := b.indented(text, s.column)
	copy(lines[0], before)
	b.lines = slices.Replace(b.lines, s.from, s.to, lines...)
}

// insert inserts text before the line at.
func (b *block) insert(at, column int, text []byte) {
	b.lines = slices.Insert(b.lines, at, b.indented(text, column)...)
}

func (b *block) indented(text []byte, column int) [][]byte {
	text = yamlnode.Indent(text, column)
	if b.newline != "\n" {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte(b.newline))
	}
	var lines [][]byte
	for line := range bytes.Lines(text) {
		lines = append(lines, bytes.Clone(line))
	}
	return lines
}

// mergeText parses text and returns it with want merged into it. Both are a
// mapping with one key, or a sequence with one item.
func mergeText(text []byte, want *yaml.Node) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != want.Kind {
		return nil, errNotBlock
	}
	if want.Kind == yaml.SequenceNode {
		if len(doc.Content[0].Content) != 1 || len(want.Content) != 1 {
			return nil, errNotBlock
		}
		merge(doc.Content[0].Content[0], want.Content[0])
	} else {
		merge(doc.Content[0], want)
	}
	return yamlnode.Encode(&doc)
}

// setField adds or changes a field, or removes it if want is nil.
func (b *block) setField(field string, want *yaml.Node) error {
	spans, m, err := b.fields()
	if err != nil {
		return err
	}
	s, exists := spans[field]
	switch {
	case want == nil && exists:
		if bytes.Contains(b.lines[s.from][:s.column], []byte("-")) {
			return errNotBlock
		}
		b.lines = slices.Delete(b.lines, s.from, s.to)
		return nil
	case want == nil:
		return nil
	}
	pair := yamlnode.Mapping(0)
	yamlnode.Append(pair, field, want)
	if exists {
		text, err := mergeText(b.text(s), pair)
		if err != nil {
			return err
		}
		b.replace(s, text)
		return nil
	}
	text, err := yamlnode.Encode(pair)
	if err != nil {
		return err
	}
	b.insert(insertionLine(spans, field), m.Content[0].Column-1, text)
	return nil
}

// insertionLine returns the line before which a new field is inserted: after the
// fields that precede it in the standard order.
func insertionLine(spans map[string]span, field string) int {
	line := 1
	for _, other := range registryfile.TenantFields() {
		if other == field {
			break
		}
		if s, ok := spans[other]; ok {
			line = max(line, s.to)
		}
	}
	return line
}

// setKey changes the item with want's ID in the list of keys, or adds one.
func (b *block) setKey(want *yaml.Node) error {
	spans, m, err := b.fields()
	if err != nil {
		return err
	}
	list := yamlnode.Get(m, "keys")
	if list == nil || list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 || len(list.Content) == 0 {
		return errNotBlock
	}
	var items []span
	for i, item := range list.Content {
		s := span{from: item.Line - 1, to: spans["keys"].to}
		if i+1 < len(list.Content) {
			s.to = list.Content[i+1].Line - 1
		}
		s.column = bytes.IndexByte(b.lines[s.from], '-')
		if s.to <= s.from || !bytes.HasPrefix(bytes.TrimLeft(b.lines[s.from], " "), []byte("- ")) {
			return errNotBlock
		}
		items = append(items, b.trim(s))
	}
	seq := yamlnode.Sequence(0, want)
	if i := slices.IndexFunc(list.Content, func(n *yaml.Node) bool { return name(n) == name(want) }); i >= 0 {
		text, err := mergeText(b.text(items[i]), seq)
		if err != nil {
			return err
		}
		b.replace(items[i], text)
		return nil
	}
	text, err := yamlnode.Encode(seq)
	if err != nil {
		return err
	}
	last := items[len(items)-1]
	b.insert(last.to, last.column, text)
	return nil
}
