package otlpwire

import "bytes"

// jsonWalker walks a JSON document. Like protoWalker it recurses as deeply as
// values are nested. It reads each byte once, but for keys and numbers.
type jsonWalker struct {
	meter
	jsonForm
	pos int

	name, nameEnd int // where the last key is, without its quotes

	scratch [scratchSize]byte // a key, ID or number without its escapes
}

const (
	// scratchSize is more than the length of any name in the schema.
	scratchSize = 64

	// maxSkipDepth is the nesting at which pdata refuses a value that it skips.
	maxSkipDepth = 10_000

	// skipLevels is how many levels of JSON nesting are one level of values: a
	// map in a map is an object with the member kvlistValue, an object with the
	// member values, an array and an object with the member value.
	skipLevels = 4
)

const (
	detailSyntax = "it is not JSON"
	detailEmpty  = "it is empty, which is not JSON; a request without data is {}"
	detailMark   = "it begins with a byte order mark, which JSON does not have"
	detailUTF16  = "it is UTF-16, and JSON is UTF-8"
	detailType   = "a field has a value of the wrong type"
	detailRange  = "a number is out of range"
	detailLong   = "a number in a string is too long"
	detailHex    = "a trace ID is not 32, or a span ID not 16, hexadecimal digits"
	detailBase64 = "bytes are not in base64"
)

func (w *jsonWalker) syntax() *Error { return malformed(w.pos, detailSyntax) }

// beginning names what is wrong where there is no document at all.
func (w *jsonWalker) beginning() *Error {
	switch {
	case w.next() == 0 && w.pos == len(w.data):
		return malformed(w.pos, detailEmpty)
	case bytes.HasPrefix(w.data, []byte("\xef\xbb\xbf")):
		return malformed(w.pos, detailMark)
	case bytes.HasPrefix(w.data, []byte("\xff\xfe")), bytes.HasPrefix(w.data, []byte("\xfe\xff")):
		return malformed(w.pos, detailUTF16)
	}
	return nil
}

// next skips white space and returns the next byte without consuming it, or 0 at
// the end.
func (w *jsonWalker) next() byte {
	for w.pos < len(w.data) {
		switch c := w.data[w.pos]; c {
		case ' ', '\n', '\t', '\r':
			w.pos++
		default:
			return c
		}
	}
	return 0
}

// document walks the whole input.
func (w *jsonWalker) document(m *message, lists *slots) *Error {
	if err := w.beginning(); err != nil {
		return err
	}
	if err := w.message(m, 0, lists, 0); err != nil {
		return err
	}
	if w.next(); w.pos < len(w.data) {
		return &Error{Reason: ReasonTrailingData, Offset: w.pos}
	}
	return nil
}

// literal consumes one of null, true and false.
func (w *jsonWalker) literal(text string) *Error {
	if !w.prefix(text) {
		return w.syntax()
	}
	return nil
}

// more is called after each element of an array and member of an object, and
// says whether another follows. It consumes the comma or the end.
func (w *jsonWalker) more(end byte) (bool, *Error) {
	switch w.next() {
	case ',':
		w.pos++
		return true, nil
	case end:
		w.pos++
		return false, nil
	}
	return false, w.syntax()
}

// key consumes a key and its colon. pdata copies each.
func (w *jsonWalker) key() ([]byte, *Error) {
	if w.next() != '"' {
		return nil, w.syntax()
	}
	w.name = w.pos + 1
	text, escaped, err := w.text()
	if err != nil {
		return nil, err
	}
	w.nameEnd = w.pos - 1
	w.memory -= w.copied(text, escaped)
	if escaped {
		text = w.unescape(text)
	}
	if w.next() != ':' {
		return nil, w.syntax()
	}
	w.pos++
	return text, nil
}

// message walks an object that encodes the message m at this depth of values,
// or null, which pdata reads as an object without members.
func (w *jsonWalker) message(m *message, depth int, lists *slots, base uint8) *Error {
	switch w.next() {
	case '{':
		w.pos++
	case 'n':
		return w.literal("null")
	default:
		return malformed(w.pos, detailType)
	}
	if w.next() == '}' {
		w.pos++
		return nil
	}
	var (
		seen       uint32
		records    = w.records // before the message
		deprecated int         // records in roleDeprecated
		scopes     bool        // roleScopes has an element
	)
	for more := true; more; {
		name, err := w.key()
		if err != nil {
			return err
		}
		if len(name) == 0 { // pdata would end the object here
			w.rename(unknownName)
			err = w.skip(depth, 0)
		} else if i := m.names.find(name); i < 0 {
			err = w.skip(depth, 0)
		} else if f := &m.fields[i]; f.unsetByNull && w.next() == 'n' {
			w.rename(unknownName)
			err = w.literal("null")
		} else {
			if f.once != 0 {
				if seen&f.once != 0 {
					w.elements--
				}
				seen |= f.once
				w.memory -= f.alloc
				if err = w.check(w.pos); err != nil {
					return err
				}
			}
			before := w.records
			if f.role == roleReplace {
				w.records, before = records, records
			}
			elements := lists.at(base + f.slot).length
			if f.list {
				err = w.list(f, depth, lists.at(base+f.slot))
			} else {
				err = w.value(f, depth, lists, base+f.slot)
			}
			switch f.role {
			case roleScopes:
				scopes = scopes || lists.at(base+f.slot).length > elements
			case roleDeprecated:
				deprecated += w.records - before
				w.records = before
			}
		}
		if err != nil {
			return err
		}
		if w.memory < 0 {
			return w.check(w.pos)
		}
		if more, err = w.more('}'); err != nil {
			return err
		}
	}
	if !scopes {
		w.records += deprecated
	}
	return nil
}

// list walks an array of values of the field, or null.
func (w *jsonWalker) list(f *field, depth int, list *growth) *Error {
	switch w.next() {
	case '[':
		w.pos++
	case 'n':
		return w.literal("null")
	default:
		return malformed(w.pos, detailType)
	}
	if w.next() == ']' {
		w.pos++
		return nil
	}
	var fresh slots
	for more := true; more; {
		if f.kind == kindMessage || f.kind == kindString {
			w.elements--
		}
		w.memory -= f.alloc + list.add(f.entry)
		err := w.check(w.pos)
		if err != nil {
			return err
		}
		if f.role == roleRecord {
			w.records++
		}
		if f.child != keyValue || !w.plainKeyValue() {
			fresh = slots{}
			if err = w.value(f, depth, &fresh, 0); err != nil {
				return err
			}
		}
		if more, err = w.more(']'); err != nil {
			return err
		}
	}
	return nil
}

// value walks one value of a field of the schema.
func (w *jsonWalker) value(f *field, depth int, lists *slots, base uint8) *Error {
	switch f.kind {
	case kindMessage:
		if f.role == roleNest {
			depth++
			if err := w.nest(depth, w.pos); err != nil {
				return err
			}
		}
		if f.child == anyValue && w.plainValue() {
			return nil
		}
		if f.once == oneof {
			var fresh slots
			return w.message(&messages[f.child], depth, &fresh, 0)
		}
		return w.message(&messages[f.child], depth, lists, base)
	case kindString:
		return w.stringValue()
	case kindBool:
		switch w.next() {
		case 't':
			return w.literal("true")
		case 'f':
			return w.literal("false")
		}
		return malformed(w.pos, detailType)
	case kindID:
		return w.idValue(int(f.idSize))
	case kindBytes:
		return w.bytesValue()
	default:
		return w.numberValue(f)
	}
}

// stringValue walks a string or null.
func (w *jsonWalker) stringValue() *Error {
	switch w.next() {
	case '"':
		text, escaped, err := w.text()
		w.memory -= w.copied(text, escaped)
		return err
	case 'n':
		return w.literal("null")
	}
	return malformed(w.pos, detailType)
}

// idValue walks a trace or span ID in hexadecimal form, or an empty one.
func (w *jsonWalker) idValue(size int) *Error {
	if w.next() != '"' {
		return malformed(w.pos, detailType)
	}
	start := w.pos
	text, escaped, err := w.text()
	if err != nil {
		return err
	}
	if escaped {
		text = w.unescape(text)
	}
	if len(text) != 0 && len(text) != 2*size {
		return malformed(start, detailHex)
	}
	for _, c := range text {
		if !isHex(c) {
			return malformed(start, detailHex)
		}
	}
	if escaped {
		w.replace(start+1, w.pos-1, text)
	}
	return nil
}

// bytesValue walks bytes in base64: in either alphabet, padded or not, as the JSON
// form of protobuf has them.
func (w *jsonWalker) bytesValue() *Error {
	if w.next() != '"' {
		return malformed(w.pos, detailType)
	}
	start := w.pos
	text, _, err := w.text()
	if err != nil {
		return err
	}
	w.memory -= blockSize((int64(len(text)) + 3) / 4 * 3)
	plain, ok := isBase64(text)
	if !ok {
		return malformed(start, detailBase64)
	}
	if !plain {
		w.replaceBase64(start+1, w.pos-1)
	}
	return nil
}

// skip walks a value that is not in the schema, which is nested in level others
// of this kind. pdata skips it.
func (w *jsonWalker) skip(depth, level int) *Error {
	c := w.next()
	switch c {
	case '"':
		text, escaped, err := w.text()
		if escaped {
			w.memory -= w.copied(text, true)
		}
		return err
	case 'n':
		return w.literal("null")
	case 't':
		return w.literal("true")
	case 'f':
		return w.literal("false")
	case '[', '{':
	default:
		return w.skipNumber()
	}

	level++
	if d := depth + (level+skipLevels-1)/skipLevels; d > w.maxDepth || level > maxSkipDepth {
		return &Error{Reason: ReasonDepth, Limit: int64(w.maxDepth), Offset: w.pos}
	}
	w.pos++
	end := c + 2 // ']' or '}'
	if w.next() == end {
		w.pos++
		return nil
	}
	for more := true; more; {
		if c == '{' {
			if _, err := w.key(); err != nil {
				return err
			}
		}
		err := w.skip(depth, level)
		if err != nil {
			return err
		}
		if w.memory < 0 {
			return w.check(w.pos)
		}
		if more, err = w.more(end); err != nil {
			return err
		}
	}
	return nil
}
