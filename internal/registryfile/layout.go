// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import "bytes"

// Layout is a registry file cut into its entries. Entries are parsed one by one:
// then unchanged entries can be reused, only the tree of one entry is in memory,
// and an edit replaces only the lines that change.
type Layout struct {
	Head    []byte  // the text before the first entry, with the key "tenants"
	Entries []Entry // whole lines; together with Head, they are the file
	Indent  int     // the column of the dashes
}

// Entry is the text of one item of the list of tenants, from its dash to the
// dash of the next item.
type Entry struct {
	Text []byte
	Line int // of the dash, counted from 1
}

// split finds the entries of a file that is written the usual way: the line
// "tenants:" and below it one block sequence up to the end. ok is false for
// every other file, which may still be valid YAML.
//
// A line that begins with a dash at the column of the sequence starts an entry
// unless it is inside a quoted scalar or a flow collection. In that case the
// entry before it is incomplete and cannot be parsed alone, so the caller must
// parse the file as a whole if an entry fails.
func split(data []byte) (l Layout, ok bool) {
	offset, line, start, startLine := 0, 0, -1, 0
	l.Indent = -1
	foundKey := false
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
			if foundKey || !bytes.Equal(text, []byte("---")) {
				return Layout{}, false
			}
		case len(text) == 0 || text[0] == '#':
		case !foundKey:
			if column != 0 || !isTenantsKey(text) {
				return Layout{}, false
			}
			foundKey = true
		case l.Indent < 0:
			if !isItem(text) {
				return Layout{}, false
			}
			l.Indent = column
			l.Head = data[:offset]
			start, startLine = offset, line
		case column == l.Indent && isItem(text):
			l.Entries = append(l.Entries, Entry{data[start:offset], startLine})
			start, startLine = offset, line
		case column <= l.Indent:
			return Layout{}, false
		}
		offset = next
	}
	if start < 0 {
		return Layout{}, false
	}
	l.Entries = append(l.Entries, Entry{data[start:], startLine})
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

// Split cuts a registry file into its entries. It reports false for a file that
// is not one block list below the line "tenants:", and for one with line breaks
// other than LF and CRLF, which YAML knows and split does not.
func Split(data []byte) (Layout, bool) {
	for _, rare := range [...]string{"\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(data, []byte(rare)) {
			return Layout{}, false
		}
	}
	for rest := data; ; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			return split(data)
		}
		if i+1 == len(rest) || rest[i+1] != '\n' {
			return Layout{}, false
		}
		rest = rest[i+1:]
	}
}
