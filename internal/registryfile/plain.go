// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import "strings"

// plainParser parses entries in plain notation: block mappings and sequences of
// values that each fit on one line, ASCII, without escapes, tags, anchors or block
// scalars. It reports false for everything else, which the YAML library then
// parses. It exists because the library takes more than a second for 50,000 keys.
// FuzzPlain compares it with the library.
//
// A parser reuses its nodes: a tree is valid until the next call of parse.
type plainParser struct {
	text  string
	pos   int // start of the current line, or the current byte of a value
	line  int
	nodes []*node
	used  int
}

// parse returns the sequence in text. It reports false if text is not plain.
func (p *plainParser) parse(text string) (*node, bool) {
	for i := range len(text) {
		if c := text[i]; (c < ' ' && c != '\n') || c >= 0x7f {
			return nil, false
		}
	}
	p.text, p.pos, p.line, p.used = text, 0, 1, 0
	indent, ok := p.nextLine()
	if !ok || !p.atItem() {
		return nil, false
	}
	root, ok := p.blockSequence(indent)
	if _, more := p.nextLine(); !ok || more {
		return nil, false
	}
	return root, true
}

func (p *plainParser) node(k kind) *node {
	if p.used == len(p.nodes) {
		p.nodes = append(p.nodes, &node{})
	}
	n := p.nodes[p.used]
	p.used++
	n.kind, n.line, n.value, n.content = k, p.line, "", n.content[:0]
	return n
}

// nextLine moves to the first byte of content at or after pos, skipping blank
// lines and comments, and returns its column. It expects pos at the start of a
// line or past the content of one.
func (p *plainParser) nextLine() (column int, ok bool) {
	for p.pos < len(p.text) {
		start := p.pos
		for p.pos < len(p.text) && p.text[p.pos] == ' ' {
			p.pos++
		}
		switch {
		case p.pos == len(p.text):
			return 0, false
		case p.text[p.pos] == '\n':
			p.pos++
			p.line++
		case p.text[p.pos] == '#':
			p.skipLine()
		default:
			return p.pos - start, true
		}
	}
	return 0, false
}

func (p *plainParser) skipLine() {
	if i := strings.IndexByte(p.text[p.pos:], '\n'); i >= 0 {
		p.pos += i + 1
		p.line++
		return
	}
	p.pos = len(p.text)
}

// peekLine is nextLine that stays at the start of the line.
func (p *plainParser) peekLine() (column int, ok bool) {
	column, ok = p.nextLine()
	p.pos -= column
	return column, ok
}

func (p *plainParser) atItem() bool {
	return strings.HasPrefix(p.text[p.pos:], "- ") || strings.HasPrefix(p.text[p.pos:], "-\n")
}

// blockSequence parses the items whose dashes are at column. pos is at the first
// dash.
func (p *plainParser) blockSequence(column int) (*node, bool) {
	seq := p.node(kindSequence)
	for {
		p.pos++ // the dash
		begin := p.pos
		for p.pos < len(p.text) && p.text[p.pos] == ' ' {
			p.pos++
		}
		if p.pos == len(p.text) || p.text[p.pos] == '\n' || p.text[p.pos] == '#' {
			return nil, false // an empty item, or one that begins on the next line
		}
		var item *node
		var ok bool
		if p.atKey() {
			item, ok = p.blockMapping(column + 1 + p.pos - begin)
		} else {
			item, ok = p.value(column)
		}
		if !ok {
			return nil, false
		}
		seq.content = append(seq.content, item)
		next, more := p.peekLine()
		if !more || next < column {
			return seq, true
		}
		p.pos += next
		if next > column {
			return nil, false
		}
		if !p.atItem() {
			p.pos -= next
			return seq, true // the next key of the mapping that holds a sequence at its own column
		}
	}
}

// blockMapping parses the keys that begin at column. pos is at the first key.
func (p *plainParser) blockMapping(column int) (*node, bool) {
	m := p.node(kindMapping)
	for {
		key := p.node(kindText)
		var ok bool
		if key.value, ok = p.key(); !ok {
			return nil, false
		}
		val, ok := p.mappingValue(column)
		if !ok {
			return nil, false
		}
		m.content = append(m.content, key, val)
		next, more := p.peekLine()
		if !more || next < column {
			return m, true
		}
		p.pos += next
		if next > column || !p.atKey() {
			return nil, false
		}
	}
}

// mappingValue parses what follows the colon of a key at column.
func (p *plainParser) mappingValue(column int) (*node, bool) {
	if p.restIsBlank() {
		p.skipLine()
		next, more := p.peekLine()
		if !more {
			return nil, false
		}
		p.pos += next
		switch {
		case next >= column && p.atItem():
			return p.blockSequence(next)
		case next > column && p.atKey():
			return p.blockMapping(next)
		}
		return nil, false
	}
	for p.text[p.pos] == ' ' {
		p.pos++
	}
	return p.value(column)
}

// restIsBlank reports whether the rest of the line is blank or a comment.
func (p *plainParser) restIsBlank() bool {
	rest := strings.TrimLeft(p.text[p.pos:], " ")
	return rest == "" || rest[0] == '\n' || (rest[0] == '#' && len(rest) < len(p.text)-p.pos)
}

// value parses a value that ends on its line, and the end of the line. No line
// that is indented deeper than parent may follow: it would belong to the value.
func (p *plainParser) value(parent int) (*node, bool) {
	v, ok := p.inline(false, 0)
	if !ok || !p.restIsBlank() {
		return nil, false
	}
	p.skipLine()
	if next, more := p.peekLine(); more && next > parent {
		return nil, false
	}
	return v, true
}

// maxFlowDepth bounds the recursion into [[…]].
const maxFlowDepth = 4

// inline parses a value within its line. flow is set inside brackets and braces.
func (p *plainParser) inline(flow bool, depth int) (*node, bool) {
	switch c := p.byte(); c {
	case '[':
		return p.flowSequence(depth)
	case '{':
		return p.flowMapping(depth)
	case '"', '\'':
		return p.quoted(c)
	default:
		return p.plainText(flow)
	}
}

// byte returns the current byte, or a line break at the end of the text.
func (p *plainParser) byte() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return '\n'
}

func (p *plainParser) skipSpaces() {
	for p.byte() == ' ' {
		p.pos++
	}
}

func (p *plainParser) flowSequence(depth int) (*node, bool) {
	seq := p.node(kindSequence)
	p.pos++
	p.skipSpaces()
	if p.byte() == ']' {
		p.pos++
		return seq, depth <= maxFlowDepth
	}
	for depth <= maxFlowDepth {
		v, ok := p.inline(true, depth+1)
		if !ok {
			return nil, false
		}
		seq.content = append(seq.content, v)
		switch more, ok := p.afterItem(']'); {
		case !ok:
			return nil, false
		case !more:
			return seq, true
		}
	}
	return nil, false
}

func (p *plainParser) flowMapping(depth int) (*node, bool) {
	m := p.node(kindMapping)
	p.pos++
	p.skipSpaces()
	if p.byte() == '}' {
		p.pos++
		return m, depth <= maxFlowDepth
	}
	for depth <= maxFlowDepth {
		key := p.node(kindText)
		var ok bool
		if key.value, ok = p.key(); !ok || p.byte() != ' ' {
			return nil, false
		}
		p.skipSpaces()
		v, ok := p.inline(true, depth+1)
		if !ok {
			return nil, false
		}
		m.content = append(m.content, key, v)
		switch more, ok := p.afterItem('}'); {
		case !ok:
			return nil, false
		case !more:
			return m, true
		}
	}
	return nil, false
}

// afterItem reads the comma before the next item, or the closing bracket.
func (p *plainParser) afterItem(closing byte) (more, ok bool) {
	p.skipSpaces()
	switch p.byte() {
	case closing:
		p.pos++
		return false, true
	case ',':
		p.pos++
		p.skipSpaces()
		return true, true
	}
	return false, false
}

// key parses a key and its colon. It accepts only words; text that YAML may read
// as something else, such as null, is for the library.
func (p *plainParser) key() (string, bool) {
	n := keyLen(p.text[p.pos:])
	if n == 0 {
		return "", false
	}
	key := p.text[p.pos : p.pos+n]
	p.pos += n + 1
	return key, !isNull(key)
}

// atKey reports whether a word and a colon that ends a key are at pos.
func (p *plainParser) atKey() bool { return keyLen(p.text[p.pos:]) > 0 }

func keyLen(s string) int {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		case i > 0 && (c == '.' || c == '-' || c == '/'):
		case i > 0 && c == ':' && (i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n'):
			return i
		default:
			return 0
		}
		if i > maxName {
			return 0
		}
	}
	return 0
}

// quoted parses a quoted text without escapes.
func (p *plainParser) quoted(quote byte) (*node, bool) {
	rest := p.text[p.pos+1:]
	end := strings.IndexByte(rest, quote)
	if end < 0 || strings.IndexByte(rest[:end], '\n') >= 0 {
		return nil, false
	}
	if quote == '"' && strings.IndexByte(rest[:end], '\\') >= 0 {
		return nil, false
	}
	n := p.node(kindText)
	n.value = rest[:end]
	p.pos += end + 2
	switch p.byte() {
	case ' ', '\n', ',', ']', '}':
		return n, true
	}
	return nil, false // a doubled quote, or something else
}

// plainText parses a text without quotes.
func (p *plainParser) plainText(flow bool) (*node, bool) {
	s := p.text[p.pos:]
	end := 0 // after the last byte that is not a space
scan:
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '/', c == '.', c == '(':
			end = i + 1
		case i == 0:
			return nil, false // '-', '?', '!', '&', '*' and others can have a meaning
		case c == ' ':
		case c == '\n':
			break scan
		case c == ',', c == ']', c == '}':
			if flow {
				break scan
			}
			end = i + 1
		case c == '[', c == '{':
			if flow {
				return nil, false
			}
			end = i + 1
		case c == ':':
			if flow || i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n' {
				if !flow || !isTimeColon(s, i) {
					return nil, false
				}
			}
			end = i + 1
		case c == '#':
			if s[i-1] == ' ' {
				break scan
			}
			if flow {
				return nil, false
			}
			end = i + 1
		case flow && strings.IndexByte("-+@=%()", c) < 0:
			return nil, false
		default:
			end = i + 1
		}
	}
	n := p.node(kindText)
	n.value = s[:end]
	if isNull(n.value) {
		n.kind = kindNull
	}
	p.pos += end
	return n, true
}

// isTimeColon reports whether the colon at i is between digits or letters.
func isTimeColon(s string, i int) bool {
	return i+1 < len(s) && isAlnum(s[i+1]) && isAlnum(s[i-1])
}

func isAlnum(c byte) bool {
	return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9')
}

func isNull(s string) bool {
	switch s {
	case "", "null", "Null", "NULL":
		return true
	}
	return false
}
