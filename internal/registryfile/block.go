package registryfile

import (
	"bytes"
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"
)

// errNotBlock means that an entry is not written as a block of lines with one
// field after the other, so that it can only be written anew as a whole.
var errNotBlock = errors.New("entry is not a plain block")

// block is the text of one entry, cut into lines, as it is being edited.
type block struct {
	lines [][]byte // with their ends
	newln string
}

// span is a range of lines, and the column at which what they hold begins.
type span struct{ from, to, column int }

func newBlock(text []byte) *block {
	b := &block{newln: "\n"}
	for line := range bytes.Lines(text) {
		b.lines = append(b.lines, line)
	}
	if len(b.lines) > 0 {
		if bytes.HasSuffix(b.lines[0], []byte("\r\n")) {
			b.newln = "\r\n"
		}
		if last := &b.lines[len(b.lines)-1]; !bytes.HasSuffix(*last, []byte("\n")) {
			*last = append(bytes.Clone(*last), b.newln...)
		}
	}
	return b
}

func (b *block) bytes() []byte { return bytes.Join(b.lines, nil) }

// parse returns the mapping that the entry is.
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

// trim leaves blank lines and comments at the end of s to what follows.
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

// fields returns where the fields of the entry stand.
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

// replace puts text in the place of s. The first line keeps what precedes
// the column, which may be the dash of the entry.
func (b *block) replace(s span, text []byte) {
	before := bytes.Clone(b.lines[s.from][:s.column])
	lines := b.indented(text, s.column)
	copy(lines[0], before)
	b.lines = slices.Replace(b.lines, s.from, s.to, lines...)
}

// insert puts text before the line at.
func (b *block) insert(at, column int, text []byte) {
	b.lines = slices.Insert(b.lines, at, b.indented(text, column)...)
}

func (b *block) indented(text []byte, column int) [][]byte {
	text = indent(text, column)
	if b.newln != "\n" {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte(b.newln))
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
	return encode(&doc)
}

// setField writes, changes or, if want is nil, removes one field.
func (b *block) setField(field string, want *yaml.Node) error {
	spans, m, err := b.fields()
	if err != nil {
		return err
	}
	s, there := spans[field]
	switch {
	case want == nil && there:
		if bytes.Contains(b.lines[s.from][:s.column], []byte("-")) {
			return errNotBlock
		}
		b.lines = slices.Delete(b.lines, s.from, s.to)
		return nil
	case want == nil:
		return nil
	}
	pair := mappingNode(0)
	set(pair, field, want)
	if there {
		text, err := mergeText(b.text(s), pair)
		if err != nil {
			return err
		}
		b.replace(s, text)
		return nil
	}
	text, err := encode(pair)
	if err != nil {
		return err
	}
	b.insert(insertionLine(spans, field), m.Content[0].Column-1, text)
	return nil
}

// insertionLine returns the line before which a new field goes: after the
// fields that are written before it.
func insertionLine(spans map[string]span, field string) int {
	line := 1
	for _, other := range tenantFields {
		if other == field {
			break
		}
		if s, ok := spans[other]; ok {
			line = max(line, s.to)
		}
	}
	return line
}

// setKey changes the item of the list of keys that has want's ID, or adds one.
func (b *block) setKey(want *yaml.Node) error {
	spans, m, err := b.fields()
	if err != nil {
		return err
	}
	list := child(m, "keys")
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
	seq := sequenceNode(0, want)
	if i := slices.IndexFunc(list.Content, func(n *yaml.Node) bool { return name(n) == name(want) }); i >= 0 {
		text, err := mergeText(b.text(items[i]), seq)
		if err != nil {
			return err
		}
		b.replace(items[i], text)
		return nil
	}
	text, err := encode(seq)
	if err != nil {
		return err
	}
	last := items[len(items)-1]
	b.insert(last.to, last.column, text)
	return nil
}
