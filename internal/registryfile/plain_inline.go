package registryfile

import "strings"

// maxFlowDepth bounds the recursion into [[…]].
const maxFlowDepth = 4

// inline parses a value within its line. flow tells that it is inside brackets.
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

// byte returns the byte at hand, or a line break at the end.
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

// key parses a key and its colon. Only words are taken: text that YAML could
// take for anything else, null above all, is left to the library.
func (p *plainParser) key() (string, bool) {
	n := keyLen(p.text[p.pos:])
	if n == 0 {
		return "", false
	}
	key := p.text[p.pos : p.pos+n]
	p.pos += n + 1
	return key, !isNull(key)
}

// atKey tells whether a word and a colon that ends a key stand at pos.
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
	return nil, false // a doubled quote, or something stranger
}

// plainText parses a text without quotes.
func (p *plainParser) plainText(flow bool) (*node, bool) {
	s := p.text[p.pos:]
	end := 0 // past the last byte that is not a space
scan:
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '/', c == '.', c == '(':
			end = i + 1
		case i == 0:
			return nil, false // '-', '?', '!', '&', '*' and the like may mean something
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

// isTimeColon tells whether the colon at i stands between digits or letters.
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
