// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// jsonWalker walks a JSON document. Like protoWalker it recurses as deeply as values are
// nested. It reads each byte once, except for keys and numbers.
type jsonWalker struct {
	meter
	jsonForm
	pos int

	name, nameEnd       int // position of the last key, without its quotes
	unknown, unknownEnd int // of the first key that is no field's

	scratch [scratchSize]byte // a key, ID or number without its escapes
}

const (
	// scratchSize is larger than any name in the schema.
	scratchSize = 64

	// maxSkipDepth is the nesting from which pdata rejects a value that it skips.
	maxSkipDepth = 10_000

	// maxUnknown is the most bytes of Counts.Unknown.
	maxUnknown = 64

	// skipLevels is how many levels of JSON nesting make one level of values. A
	// map in a map is an object with the member kvlistValue, an object with the
	// member values, an array, and an object with the member value.
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

// syntax returns the error for data that is not JSON.
func (w *jsonWalker) syntax() *Error { return malformed(w.pos, detailSyntax) }

// beginning returns a specific error if data is empty or not UTF-8 JSON from its start.
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

// next skips white space and returns the next byte without consuming it, or 0 at the
// end of data.
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

// literal consumes text, which is null, true or false.
func (w *jsonWalker) literal(text string) *Error {
	if !w.prefix(text) {
		return w.syntax()
	}
	return nil
}

// more reports whether another element of an array, or member of an object, follows. It
// consumes the comma or the end.
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

// key consumes a key and its colon, and counts the copy of the key that pdata makes.
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

// message walks an object that encodes the message m at this depth of values, or null,
// which pdata reads as an object without members. Its lists are in lists from slot base
// on.
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
		if len(name) == 0 { // pdata would treat it as the end of the object
			w.rename(unknownName)
			err = w.skip(depth, 0)
		} else if i := m.names.find(name); i < 0 {
			if w.unknownEnd == 0 {
				w.unknown, w.unknownEnd = w.name, w.nameEnd
			}
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

// bytesValue walks base64 in either alphabet, padded or not, as the JSON mapping of
// protobuf allows.
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

// skip walks the value of an unknown field, inside level arrays and objects of unknown
// fields. pdata skips it.
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

// number consumes a number in JSON syntax.
func (w *jsonWalker) number() (numeral, *Error) {
	data, i, start := w.data, w.pos, w.pos
	n := numeral{integer: true}
	digits := func() bool {
		first := i
		for i < len(data) && isDigit(data[i]) {
			i++
		}
		return i > first
	}
	fail := func() (numeral, *Error) {
		w.pos = i
		return n, w.syntax()
	}
	if i < len(data) && data[i] == '-' {
		i++
	}
	if i < len(data) && data[i] == '0' {
		i++
	} else if !digits() {
		return fail()
	}
	if i < len(data) && data[i] == '.' {
		i++
		n.integer = false
		if !digits() {
			return fail()
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		n.integer, n.exponent = false, true
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if !digits() {
			return fail()
		}
	}
	n.text = data[start:i]
	w.pos = i
	return n, nil
}

// floatSize returns the bytes that pdata allocates to read a floating-point number.
func (w *jsonWalker) floatSize(n numeral) int64 {
	if !n.exponent && len(n.text) <= 16 && (w.pos == len(w.data) || w.data[w.pos] != '\r') {
		return 0
	}
	return grownBytes(int64(len(n.text)), 16)
}

// numberValue walks a number, or a string that contains one. An enumeration may
// also be a name.
func (w *jsonWalker) numberValue(f *field) *Error {
	switch c := w.next(); {
	case c == '"':
		return w.numberText(f)
	case c == '-' || isDigit(c):
		start := w.pos
		n, err := w.number()
		if err != nil {
			return err
		}
		if f.kind == kindDouble {
			return w.double(n, start)
		}
		if n.integer && validInteger(f.kind, n.text) {
			return nil
		}
		if digits, ok := w.integer(f.kind, n.text); ok {
			w.replace(start, w.pos, digits)
			return nil
		}
		if f.double != "" && isIntegral(n.text) {
			w.rename(f.double)
			return w.double(n, start)
		}
		return malformed(start, detailRange)
	}
	return malformed(w.pos, detailType)
}

// double checks a number that pdata reads as a double.
func (w *jsonWalker) double(n numeral, start int) *Error {
	w.memory -= w.floatSize(n)
	if float64Limit.exceeded(n.text) {
		return malformed(start, detailRange)
	}
	return nil
}

// numberText walks a string that contains a number or the name of one.
func (w *jsonWalker) numberText(f *field) *Error {
	start := w.pos
	content, escaped, err := w.text()
	if err != nil {
		return err
	}
	w.memory -= w.copied(content, escaped)
	if escaped {
		if content = w.unescape(content); len(content) == scratchSize {
			return malformed(start, detailLong)
		}
	}
	if f.kind == kindEnum {
		switch _, known := enums[f.enum][string(content)]; {
		case known:
		case isNumber(content) && validInteger(kindInt32, content):
			w.replace(start, w.pos, content)
		default:
			w.rename(unknownName) // probably a name of a later protocol version
		}
		return nil
	}
	if f.kind == kindDouble && len(content) > scratchSize && !isDecimal(content) {
		return malformed(start, detailLong)
	}
	if validNumberText(f.kind, content) {
		return nil
	}
	if f.kind != kindDouble && isNumber(content) {
		if digits, ok := w.integer(f.kind, content); ok {
			w.replace(start, w.pos, digits)
			return nil
		}
	}
	return malformed(start, detailRange)
}

// skipNumber walks a number of an unknown field. pdata checks the range of some of them.
func (w *jsonWalker) skipNumber() *Error {
	start := w.pos
	n, err := w.number()
	if err != nil {
		return err
	}
	limit := &float64Limit
	switch {
	case n.text[0] == '0':
		limit = &float32Limit
	case !n.exponent:
		return nil
	}
	w.memory -= w.floatSize(n)
	if limit.exceeded(n.text) {
		w.replace(start, w.pos, []byte("0")) // the value is not used
	}
	return nil
}

// text consumes a string, whose opening quote is the next byte. It returns the content
// without the quotes, and whether that contains escapes.
func (w *jsonWalker) text() (content []byte, escaped bool, err *Error) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	data, start := w.data, w.pos+1
	for i := start; ; {
		// Eight bytes at a time, up to one that is a quote, a backslash or a
		// control character.
		for i+8 <= len(data) {
			v := binary.LittleEndian.Uint64(data[i:])
			quote, slash := v^ones*'"', v^ones*'\\'
			found := ((v-ones*0x20)&^v | (quote-ones)&^quote | (slash-ones)&^slash) & highs
			if found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
			i += 8
		}
		if i >= len(data) {
			w.pos = i
			return nil, false, w.syntax()
		}
		switch c := data[i]; {
		case c == '"':
			w.pos = i + 1
			return data[start:i], escaped, nil
		case c == '\\':
			escaped = true
			n := escapeLength(data[i:])
			if n == 0 {
				w.pos = i
				return nil, false, w.syntax()
			}
			i += n
		case c < ' ':
			w.pos = i
			return nil, false, w.syntax()
		default:
			i++
		}
	}
}

// unescape returns up to scratchSize bytes of a string without its escapes. Characters
// outside ASCII become 0x80, which no name contains. The result is valid until the next
// use of scratch.
func (w *jsonWalker) unescape(text []byte) []byte {
	n := 0
	for i := 0; i < len(text) && n < len(w.scratch); n++ {
		c, width := int(text[i]), 1
		if c == '\\' {
			c, width = escape(text[i:])
		}
		w.scratch[n] = byte(min(c, 0x80))
		i += width
	}
	return w.scratch[:n]
}

// copied returns the bytes that pdata allocates to copy a string. pdata appends strings
// with escapes byte by byte.
func (w *jsonWalker) copied(text []byte, escaped bool) int64 {
	if !escaped {
		return copySize(len(text))
	}
	n := int64(len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			i++
			continue
		}
		c, width := escape(text[i:])
		i += width
		switch {
		case c < 0x80:
			n -= int64(width) - 1
		case c < 0x800:
			n -= int64(width) - 2
		default:
			n -= int64(width) - 3
		}
	}
	return grownBytes(n, 8) + blockSize(n)
}

// unknownName is not the name of any field, so pdata skips a member with it.
const unknownName = "-"

// rename replaces the last key. The value after it must not have been replaced yet.
func (w *jsonWalker) rename(name string) {
	old := w.data[w.name:w.nameEnd]
	w.memory += w.copied(old, bytes.IndexByte(old, '\\') >= 0) - copySize(len(name)) // pdata copies names
	w.replace(w.name, w.nameEnd, []byte(name))
}

// integer returns the decimal digits of a number in JSON syntax, such as 17 for 1.70e1,
// and whether it is an integer of the kind. The result is valid until the next use of
// scratch.
func (w *jsonWalker) integer(k kind, text []byte) (digits []byte, ok bool) {
	var buf [1 + maxDigits]byte
	d := normalize(text)
	if d.exponent < 0 || d.digits+d.exponent > maxDigits {
		return nil, false
	}
	n := 0
	if d.negative {
		buf[0], n = '-', 1
	}
	for i := d.first; n < len(buf) && d.digits > 0; i++ {
		if c := text[i]; c != '.' {
			buf[n] = c
			n++
			d.digits--
		}
	}
	for ; d.exponent > 0; d.exponent-- {
		buf[n] = '0'
		n++
	}
	if d.first < 0 {
		buf[0], n = '0', 1
	}
	n = copy(w.scratch[:], buf[:n])
	return w.scratch[:n], validInteger(k, w.scratch[:n])
}

// Bytes that pdata allocates for copies of the keys.
const (
	plainKeyValueKeys = 8 + 8 // key, value
	plainValueKey     = 16    // stringValue, intValue
)

// plainKeyValue walks an attribute in the form that most senders write: a string or an
// integer, without white space and escapes. If the attribute has any other form,
// plainKeyValue consumes and counts nothing and returns false.
func (w *jsonWalker) plainKeyValue() bool {
	pos := w.pos
	key, ok := w.plainText(`{"key":"`)
	if ok && w.prefix(`,"value":`) {
		memory := w.memory
		if w.plainValue() && w.prefix("}") {
			w.memory -= plainKeyValueKeys + copySize(len(key))
			return true
		}
		w.memory = memory
	}
	w.pos = pos
	return false
}

// plainValue is plainKeyValue for a value.
func (w *jsonWalker) plainValue() bool {
	pos, size := w.pos, int64(stringSize)
	text, ok := w.plainText(`{"stringValue":"`)
	if !ok {
		text, ok = w.plainText(`{"intValue":"`)
		ok = ok && validNumberText(kindInt64, text)
		size = numberSize
	}
	if ok && w.prefix("}") {
		w.memory -= plainValueKey + size + copySize(len(text))
		return true
	}
	w.pos = pos
	return false
}

// plainText consumes a prefix that ends with a quote, and the string that starts with
// this quote, if the string has no escapes.
func (w *jsonWalker) plainText(prefix string) ([]byte, bool) {
	pos := w.pos
	if w.prefix(prefix) {
		w.pos-- // the quote
		if text, escaped, err := w.text(); err == nil && !escaped {
			return text, true
		}
	}
	w.pos = pos
	return nil, false
}

// prefix consumes prefix if it is next.
func (w *jsonWalker) prefix(prefix string) bool {
	if len(w.data)-w.pos < len(prefix) || string(w.data[w.pos:w.pos+len(prefix)]) != prefix {
		return false
	}
	w.pos += len(prefix)
	return true
}
