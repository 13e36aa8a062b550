// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"encoding/json"
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/ansi"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/quoted"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

const (
	// maxDepth is how deep a value may be nested; what lies deeper is kept as the
	// text it was written as.
	maxDepth = 32
	// maxFields is how many fields are kept of an object, since a map is searched from
	// its beginning for every one, and maxValues how many values of a line.
	maxFields = 512
	maxValues = 8192
)

// walker reads one JSON object straight into attributes. It accepts what
// encoding/json accepts, but for strings that are not valid: for those it gives up
// and canonicalize helps.
type walker struct {
	b   []byte
	i   int
	mem *slab.Slab

	values int
	cut    bool
	// found are the fields that mean something; the others are attributes. roles holds
	// the set of those with each role, as bits.
	found [maxFound]found
	many  int
	roles [countRoles]uint32
	// checked is set while values are passed over that were checked before.
	checked bool
	// omitted are names that are left out of the object that is read at depth 1.
	omitted *[3]string
	// keys predicts the next name, which need not be parsed if it is as predicted.
	keys keyPredictor
	// strip is whether colors are taken out of strings.
	strip bool
	// inFields is set inside the object in which logstash formats keep all fields.
	inFields bool
	// reserved is set if a field of the line may have the name of an attribute that the
	// receiver sets.
	reserved bool
}

// maxFound bounds the fields of a line that mean something. More are attributes.
const maxFound = 24

// found is a field that means something.
type found struct {
	// from and to are where its value begins and ends.
	from, to int
	name     []byte
	row      uint8
	plain    bool // a string without escapes
	used     bool
	// parent is the place of the object that it is in, or -1.
	parent int8
}

// reset makes the walker ready for another line.
func (w *walker) reset(line []byte, mem *slab.Slab) {
	w.b, w.i, w.mem = line, 0, mem
	w.values, w.many, w.roles, w.cut, w.inFields, w.reserved = 0, 0, [countRoles]uint32{}, false, false, false
	w.keys.begin()
}

// release drops the references to the last lines.
func (w *walker) release() {
	w.b, w.mem, w.many = nil, nil, 0
	clear(w.found[:])
}

// canonicalize rewrites a line that only encoding/json can read, or that has commas
// behind last elements.
func canonicalize(text []byte) ([]byte, bool) {
	object, ok := decode(text)
	if !ok {
		without := withoutCommas(text)
		if len(without) == len(text) {
			return nil, false
		}
		if object, ok = decode(without); !ok {
			return nil, false
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(object) != nil {
		return nil, false
	}
	return bytes.TrimSpace(out.Bytes()), true
}

func decode(text []byte) (map[string]any, bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if decoder.Decode(&object) != nil || object == nil || len(bytes.TrimSpace(text[decoder.InputOffset():])) > 0 {
		return nil, false
	}
	return object, true
}

// withoutCommas returns text without commas before closing brackets.
func withoutCommas(text []byte) []byte {
	if !bytes.ContainsRune(text, ',') {
		return text
	}
	out := make([]byte, 0, len(text))
	comma, quoted := -1, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
			comma = -1
		case quoted || blank(c):
		case c == ',':
			comma = len(out)
		case (c == '}' || c == ']') && comma >= 0:
			out = append(out[:comma], out[comma+1:]...)
			comma = -1
		default:
			comma = -1
		}
		out = append(out, c)
	}
	return out
}

func (w *walker) space() {
	for w.i < len(w.b) && blank(w.b[w.i]) {
		w.i++
	}
}

func (w *walker) take(c byte) bool {
	if w.i < len(w.b) && w.b[w.i] == c {
		w.i++
		return true
	}
	return false
}

// top reads the line's object: fields that mean something to a log record are
// remembered, the others become attributes.
func (w *walker) top(attrs pcommon.Map) bool {
	w.space()
	if !w.object(attrs, 0) {
		return false
	}
	w.space()
	return w.i == len(w.b)
}

// object reads an object into m. At depth 0 the special fields are kept apart.
func (w *walker) object(m pcommon.Map, depth int) bool {
	if !w.take('{') {
		return false
	}
	w.space()
	if w.take('}') {
		return true
	}
	// seen are the predicted names that m has. Unless it has others too, a predicted name
	// that is not among them is a new one.
	var seen uint64
	others := m.Len() > 0
	for {
		w.space()
		name, node, ok := w.key()
		if !ok {
			return false
		}
		w.space()
		row := uint8(0)
		if depth == 0 {
			row = w.keys.rowOf(node, name)
			w.reserved = w.reserved || w.keys.reserved(node)
		}
		bit := uint64(1) << (node & 63)
		fresh := !others && node != 0 && seen&bit == 0
		seen |= bit
		others = others || node == 0 || rows[row].role == roleFields
		if !w.field(m, name, node, row, depth, fresh) {
			return false
		}
		w.space()
		if w.take('}') {
			return true
		}
		if !w.take(',') {
			return false
		}
	}
}

// key reads a name and the colon behind it. node is its place in the memory of names, or
// 0.
func (w *walker) key() (name []byte, node uint8, ok bool) {
	rest := w.b[w.i:]
	if node = w.keys.next(rest); node != 0 {
		n := len(w.keys.nodes[node].text)
		w.i += n
		return rest[1 : n-2 : n-2], node, true
	}
	if !w.take('"') {
		return nil, 0, false
	}
	if name, ok = w.text(); !ok {
		return nil, 0, false
	}
	w.space()
	if !w.take(':') {
		return nil, 0, false
	}
	return name, w.keys.learn(rest, name), true
}

// field reads the value of a field into m. node is the place of its name in the memory of
// names, row is what the field means, and fresh is whether m is known to have no field of
// that name.
func (w *walker) field(m pcommon.Map, name []byte, node, row uint8, depth int, fresh bool) bool {
	switch {
	case row != 0:
		if rows[row].role != roleFields {
			if f := w.place(row, name); f != nil {
				return w.remember(f)
			}
		} else if !w.inFields && w.i < len(w.b) && w.b[w.i] == '{' {
			w.inFields = true
			ok := w.object(m, 0)
			w.inFields = false
			return ok
		}
	case depth == 1 && w.omitted != nil:
		if len(name) > 0 && (string(name) == w.omitted[0] || string(name) == w.omitted[1] || string(name) == w.omitted[2]) {
			return w.skip(depth + 1)
		}
	}
	if m.Len() >= maxFields || w.values >= maxValues {
		w.cut = true
		return w.skip(depth + 1)
	}
	if w.i >= len(w.b) {
		return false
	}
	// The common kinds without the detour over a Value.
	switch w.b[w.i] {
	case '"':
		w.i++
		w.values++
		s, ok := w.text()
		if ok {
			if fresh {
				w.mem.AppendStr(m, w.keys.name(node, name, w.mem), w.mem.String(s))
			} else {
				w.mem.PutStr(m, w.keys.name(node, name, w.mem), w.mem.String(s))
			}
		}
		return ok
	case 't', 'f', 'n', '{', '[':
		return w.value(m.PutEmpty(w.keys.name(node, name, w.mem)), node, depth+1)
	}
	from := w.i
	w.values++
	if n, ok := w.plainInteger(); ok {
		if fresh {
			w.mem.AppendInt(m, w.keys.name(node, name, w.mem), n)
		} else {
			w.mem.PutInt(m, w.keys.name(node, name, w.mem), n)
		}
		return true
	}
	if !w.number() {
		return false
	}
	num := w.b[from:w.i]
	w.setNumber(m.PutEmpty(w.keys.name(node, name, w.mem)), num)
	return true
}

// place returns where to remember a field, or nil if there are too many. Of fields with
// the same name the last one holds.
func (w *walker) place(row uint8, name []byte) *found {
	role := rows[row].role
	for all := w.roles[role]; all != 0; all &= all - 1 {
		if f := &w.found[bits.TrailingZeros32(all)]; f.row == row && bytes.Equal(f.name, name) {
			return f
		}
	}
	if w.many == maxFound {
		return nil
	}
	f := &w.found[w.many]
	w.roles[role] |= 1 << w.many
	w.many++
	f.row, f.name, f.parent, f.used = row, name, -1, false
	return f
}

// remember passes over the value of a field that means something.
func (w *walker) remember(f *found) bool {
	f.from = w.i
	f.plain = false
	if f.from < len(w.b) && w.b[f.from] == '"' {
		end, escaped := quoted.End(w.b[f.from+1:])
		if end < 0 {
			return false
		}
		w.i = f.from + end + 2
		f.to, f.plain = w.i, !escaped
		return !escaped || quoted.Valid(w.b[f.from+1:f.to-1])
	}
	ok := w.skip(1)
	f.to = w.i
	return ok
}

// text reads a string whose opening quote has been read.
func (w *walker) text() ([]byte, bool) {
	rest := w.b[w.i:]
	end, escaped := quoted.End(rest)
	if end < 0 {
		return nil, false
	}
	if !escaped {
		w.i += end + 1
		return rest[:end:end], true
	}
	w.i += end + 1
	return w.decoded(rest[:end+1])
}

// decoded decodes a string up to its closing quote.
func (w *walker) decoded(b []byte) ([]byte, bool) {
	s, _, ok := quoted.Unquote(b, w.mem.Text)
	if w.strip && ok && bytes.IndexByte(s, ansi.Escape) >= 0 {
		s = w.mem.Text.Keep(ansi.Strip(s, w.mem.Text.Reserve))
	}
	return s, ok
}

// value reads a value into v. node is the place of its name in the memory of names, or 0.
func (w *walker) value(v pcommon.Value, node uint8, depth int) bool {
	if w.i >= len(w.b) {
		return false
	}
	w.values++
	switch w.b[w.i] {
	case '"':
		w.i++
		s, ok := w.text()
		if ok {
			w.mem.SetStr(v, w.mem.String(s))
		}
		return ok
	case '{', '[':
		if depth > maxDepth {
			from := w.i
			if !w.skip(depth) {
				return false
			}
			w.mem.SetStr(v, w.mem.String(w.b[from:w.i]))
			return true
		}
		if w.b[w.i] == '{' {
			m := w.mem.OpenMap(v, depth, w.keys.sizeOf(node))
			ok := w.object(m, depth)
			w.mem.CloseMap(m, depth)
			w.keys.setSize(node, m.Len())
			return ok
		}
		s := w.mem.OpenSlice(v, depth, w.keys.sizeOf(node))
		ok := w.array(s, depth)
		w.mem.CloseSlice(s, depth)
		w.keys.setSize(node, s.Len())
		return ok
	case 't':
		v.SetBool(true)
		return w.literal("true")
	case 'f':
		v.SetBool(false)
		return w.literal("false")
	case 'n':
		return w.literal("null")
	}
	from := w.i
	if !w.number() {
		return false
	}
	w.setNumber(v, w.b[from:w.i])
	return true
}

func (w *walker) array(s pcommon.Slice, depth int) bool {
	w.i++
	w.space()
	if w.take(']') {
		return true
	}
	for {
		w.space()
		if w.values >= maxValues {
			w.cut = true
			if !w.skip(depth + 1) {
				return false
			}
		} else if !w.value(s.AppendEmpty(), 0, depth+1) {
			return false
		}
		w.space()
		if w.take(']') {
			return true
		}
		if !w.take(',') {
			return false
		}
	}
}

func (w *walker) literal(word string) bool {
	if len(w.b)-w.i < len(word) || string(w.b[w.i:w.i+len(word)]) != word {
		return false
	}
	w.i += len(word)
	return true
}

// skip passes over a value and checks it without keeping it.
func (w *walker) skip(depth int) bool {
	if w.i >= len(w.b) || depth > 10000 { // as deep as encoding/json goes
		return false
	}
	switch w.b[w.i] {
	case '"':
		w.i++
		end, escaped := quoted.End(w.b[w.i:])
		if end < 0 {
			return false
		}
		s := w.b[w.i : w.i+end]
		w.i += end + 1
		return !escaped || w.checked || quoted.Valid(s)
	case '{':
		return w.skipAll('}', depth)
	case '[':
		return w.skipAll(']', depth)
	case 't':
		return w.literal("true")
	case 'f':
		return w.literal("false")
	case 'n':
		return w.literal("null")
	}
	return w.number()
}

func (w *walker) skipAll(closing byte, depth int) bool {
	w.i++
	w.space()
	if w.take(closing) {
		return true
	}
	for {
		w.space()
		if closing == '}' {
			if w.i >= len(w.b) || w.b[w.i] != '"' || !w.skip(depth) {
				return false
			}
			w.space()
			if !w.take(':') {
				return false
			}
			w.space()
		}
		if !w.skip(depth + 1) {
			return false
		}
		w.space()
		if w.take(closing) {
			return true
		}
		if !w.take(',') {
			return false
		}
	}
}
