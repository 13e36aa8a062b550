package registryfile

import "strings"

// plainParser parses entries that are written plainly: block mappings and
// sequences of values that each fit on one line, ASCII, without escapes, tags,
// anchors or block scalars. It gives up on everything else, which the YAML
// library then parses. It exists because the library takes more than a second
// for 50,000 keys. FuzzPlain holds it to the library's results.
//
// A parser is used for one entry after the other and reuses its nodes, so a
// tree is good until the next call of parse.
type plainParser struct {
	text  string
	pos   int // start of the line at hand, or the byte at hand within a value
	line  int
	nodes []*node
	used  int
}

// parse returns the sequence that text holds, and false if text is not plain.
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

// peekLine is nextLine without moving past the line's indentation.
func (p *plainParser) peekLine() (column int, ok bool) {
	column, ok = p.nextLine()
	p.pos -= column
	return column, ok
}

func (p *plainParser) atItem() bool {
	return strings.HasPrefix(p.text[p.pos:], "- ") || strings.HasPrefix(p.text[p.pos:], "-\n")
}

// blockSequence parses the items whose dashes stand at column. pos is at the
// first dash.
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

// blockMapping parses the keys that stand at column. pos is at the first.
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

// restIsBlank tells whether nothing but a comment is left of the line.
func (p *plainParser) restIsBlank() bool {
	rest := strings.TrimLeft(p.text[p.pos:], " ")
	return rest == "" || rest[0] == '\n' || (rest[0] == '#' && len(rest) < len(p.text)-p.pos)
}

// value parses a value that ends on its line, and the end of the line. Nothing
// deeper than parent may follow: it would be more of the value.
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
