package registryfile

import "bytes"

// layout says where the entries of a file stand. Entries are parsed one by one
// because that lets unchanged ones be reused, keeps the tree of only one entry
// in memory, and lets an edit touch only the lines it means.
type layout struct {
	head    []byte  // what precedes the first entry; holds the key tenants
	entries []entry // each a whole number of lines; together with head, the file
	indent  int     // the column of the dashes
}

// entry is the text of one item of the list of tenants, from its dash up to
// the dash of the next.
type entry struct {
	text []byte
	line int // of the dash, counted from 1
}

// split finds the entries of a file that is written the usual way: the line
// "tenants:" and below it one block sequence up to the end. ok is false for
// every other file, which may still be good YAML.
//
// A line that begins with a dash at the sequence's column starts an entry
// unless it stands inside a quoted scalar or a flow collection. There the entry
// before it is incomplete and fails to parse on its own, so the caller must
// parse the file as a whole when an entry fails.
func split(data []byte) (l layout, ok bool) {
	offset, line, start, startLine := 0, 0, -1, 0
	l.indent = -1
	seenKey := false
	for offset < len(data) {
		line++
		next := len(data)
		if i := bytes.IndexByte(data[offset:], '\n'); i >= 0 {
			next = offset + i + 1
		}
		text := bytes.TrimRight(data[offset:next], " \t\r\n")
		column := len(text) - len(bytes.TrimLeft(text, " "))
		text = text[column:]
		switch {
		case column == 0 && (bytes.HasPrefix(text, []byte("---")) || bytes.HasPrefix(text, []byte("...")) || bytes.HasPrefix(text, []byte("%"))):
			if seenKey || !bytes.Equal(text, []byte("---")) {
				return layout{}, false
			}
		case len(text) == 0 || text[0] == '#':
		case !seenKey:
			if column != 0 || !isTenantsKey(text) {
				return layout{}, false
			}
			seenKey = true
		case l.indent < 0:
			if !isItem(text) {
				return layout{}, false
			}
			l.indent = column
			l.head = data[:offset]
			start, startLine = offset, line
		case column == l.indent && isItem(text):
			l.entries = append(l.entries, entry{data[start:offset], startLine})
			start, startLine = offset, line
		case column <= l.indent:
			return layout{}, false
		}
		offset = next
	}
	if start < 0 {
		return layout{}, false
	}
	l.entries = append(l.entries, entry{data[start:], startLine})
	return l, true
}

func isItem(text []byte) bool {
	return text[0] == '-' && (len(text) == 1 || text[1] == ' ')
}

func isTenantsKey(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("tenants:"))
	if !ok {
		return false
	}
	trimmed := bytes.TrimLeft(rest, " ")
	return len(trimmed) == 0 || (trimmed[0] == '#' && len(trimmed) < len(rest))
}

// splitPlain is split for files without the rare line breaks of YAML, which
// split does not take for such.
func splitPlain(data []byte) (layout, bool) {
	for _, rare := range [...]string{"\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(data, []byte(rare)) {
			return layout{}, false
		}
	}
	for rest := data; ; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			return split(data)
		}
		if i+1 == len(rest) || rest[i+1] != '\n' {
			return layout{}, false
		}
		rest = rest[i+1:]
	}
}
