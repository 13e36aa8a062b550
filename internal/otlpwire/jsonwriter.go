// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"math/bits"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// jsonBlock is the size of the buffered output from which it is written. Shorter
	// output is one write.
	jsonBlock = 256 << 10
	// jsonChunk is how many bytes of a string are converted at a time. They take up to
	// six times as much in JSON. It is a multiple of three for base64.
	jsonChunk = 6 << 10
)

// ErrNotPlain is the error of [WriteJSON] for a request that is not [Plain].
var ErrNotPlain = errors.New("the request is not in the form that pdata writes")

// WriteJSON writes the concatenation of export requests of the signal in JSON, as the same
// bytes that pdata writes. Each request must be [Plain]. WriteJSON buffers one block of the
// output: each write has 256 KiB or slightly more, except for the last one. After an error of
// w it writes nothing more and returns the error.
func WriteJSON(w io.Writer, signal tenant.Signal, requests ...[]byte) error {
	j := jsonWriters.Get().(*jsonWriter)
	j.out, j.err = w, nil
	list := &jsonFields[root(signal)][0]
	j.buf = append(j.buf[:0], '{')
	size := 0
	for _, r := range requests {
		size += len(r)
	}
	if size > 0 {
		j.buf = append(append(j.buf, list.name...), '[')
	}
	elements := 0
	for _, r := range requests {
		if checkSize(r) != nil {
			return ErrNotPlain
		}
		j.data = r
		elements = j.elements(list, 0, len(r), elements)
	}
	if size > 0 {
		j.buf = append(j.buf, ']')
	}
	j.buf = append(j.buf, '}')
	j.flush()
	err := j.err
	j.data, j.out = nil, nil
	jsonWriters.Put(j)
	return err
}

var jsonWriters = sync.Pool{New: func() any { return new(jsonWriter) }}

// jsonWriter writes messages that must be plain. It stops at the first error.
type jsonWriter struct {
	protoWalker
	out io.Writer
	buf []byte // never longer than jsonBlock and a chunk in JSON
	err error
}

func (j *jsonWriter) flush() {
	if j.err == nil {
		_, j.err = j.out.Write(j.buf)
	}
	j.buf = j.buf[:0]
}

func (j *jsonWriter) flushFull() {
	if len(j.buf) >= jsonBlock {
		j.flush()
	}
}

// occurrence is where a field is in the data: its content or, of a list that is not
// packed, from the first tag to the end of the last element. A field that does not
// occur has 0, where no content begins.
type occurrence struct{ start, end int32 }

// next reads the field at pos and returns its number, and where its content starts and ends.
func (j *jsonWriter) next(pos, end int) (number, start, after int) {
	var tag uint64
	var err *Error
	if b := j.data[pos]; b < 0x80 {
		tag, pos = uint64(b), pos+1
	} else if tag, pos, err = j.varint(pos, end); err != nil {
		return 0, 0, j.fail(end)
	}
	number = int(tag >> 3)
	if tag&7 == wireLen && pos < end && j.data[pos] < 0x80 && int(j.data[pos]) < end-pos {
		return number, pos + 1, pos + 1 + int(j.data[pos])
	}
	start, after, ok := j.extent(uint8(tag&7), pos, end)
	if !ok {
		return 0, 0, j.fail(end)
	}
	return number, start, after
}

func (j *jsonWriter) fail(end int) int {
	if j.err == nil {
		j.err = ErrNotPlain
	}
	return end
}

// message writes the message data[pos:end].
func (j *jsonWriter) message(id messageID, pos, end int) {
	j.flushFull()
	if id == anyValue {
		j.value(pos, end)
		return
	}
	fields := &messages[id].fields
	var found [lastField + 1]occurrence
	for at := pos; at < end && j.err == nil; {
		number, start, after := j.next(at, end)
		if number > lastField {
			j.fail(end)
			return
		}
		o := &found[number]
		if f := &fields[number]; !f.list || f.wire != wireLen {
			o.start = int32(start)
		} else if o.end == 0 {
			o.start = int32(at)
		}
		o.end = int32(after)
		at = after
	}
	j.buf = append(j.buf, '{')
	more := false
	for i := range jsonFields[id] {
		f := &jsonFields[id][i]
		o := &found[f.number]
		if o.end == 0 && !f.always {
			continue
		}
		more = j.field(f, int(o.start), int(o.end), more) || more
	}
	j.buf = append(j.buf, '}')
}

// value writes an AnyValue, which has one field or none.
func (j *jsonWriter) value(pos, end int) {
	j.buf = append(j.buf, '{')
	if pos < end {
		number, start, after := j.next(pos, end)
		if number > lastField || after != end {
			j.fail(end)
			return
		}
		if f := jsonValues[number]; f != nil {
			j.field(f, start, after, false)
		} else {
			j.fail(end)
		}
	}
	j.buf = append(j.buf, '}')
}

// field writes a field of an object, after a comma if more is set, and reports whether it
// did. Like pdata it omits fields with the default value.
func (j *jsonWriter) field(f *jsonField, start, end int, more bool) bool {
	var number uint64
	switch f.op {
	case jsonText, jsonBytes:
		if start == end && !f.zero {
			return false
		}
	case jsonID:
		if zero(j.data[start:end]) {
			return false
		}
	case jsonBool, jsonInt32, jsonZigzag, jsonUint32, jsonInt64, jsonUint64, jsonDouble:
		number = j.number(f, start, end)
		if !f.zero && f.isZero(number) {
			return false
		}
	case jsonUint64s, jsonDoubles:
		if start == end {
			return false
		}
	}
	if more {
		j.buf = append(j.buf, ',')
	}
	j.buf = append(j.buf, f.name...)
	switch f.op {
	case jsonText:
		j.text(start, end)
	case jsonBytes:
		j.base64(start, end)
	case jsonID:
		j.buf = append(hex.AppendEncode(append(j.buf, '"'), j.data[start:end]), '"')
	case jsonMessage:
		j.message(f.child, start, end)
	case jsonTexts, jsonMessages:
		j.buf = append(j.buf, '[')
		j.elements(f, start, end, 0)
		j.buf = append(j.buf, ']')
	case jsonUint64s, jsonDoubles:
		j.numbers(f, start, end)
	default:
		j.scalar(f.op, number)
	}
	return true
}

// elements writes the elements of a list, after before that are written already, and
// returns the new number. data[pos:end] may contain other fields too.
func (j *jsonWriter) elements(f *jsonField, pos, end, before int) int {
	for pos < end && j.err == nil {
		number, start, after := j.next(pos, end)
		pos = after
		if number != int(f.number) {
			continue
		}
		if before > 0 {
			j.buf = append(j.buf, ',')
		}
		before++
		if f.op == jsonTexts {
			j.text(start, after)
		} else {
			j.message(f.child, start, after)
		}
	}
	return before
}

// numbers writes a packed list.
func (j *jsonWriter) numbers(f *jsonField, pos, end int) {
	op := jsonUint64
	if f.op == jsonDoubles {
		op = jsonDouble
	}
	separator := byte('[')
	for pos < end && j.err == nil {
		start := pos
		if f.fixed > 0 {
			pos += int(f.fixed)
		} else if _, after, ok := j.extent(wireVarint, pos, end); ok {
			pos = after
		} else {
			j.fail(end)
			return
		}
		j.buf = append(j.buf, separator)
		j.scalar(op, j.number(f, start, end))
		j.flushFull()
		separator = ','
	}
	j.buf = append(j.buf, ']')
}

// number returns the bits of the number at start.
func (j *jsonWriter) number(f *jsonField, start, end int) uint64 {
	switch {
	case f.fixed == 8 && end-start >= 8:
		return binary.LittleEndian.Uint64(j.data[start:])
	case f.fixed == 4 && end-start >= 4:
		return uint64(binary.LittleEndian.Uint32(j.data[start:]))
	case f.fixed == 0:
		if n, _, err := j.varint(start, end); err == nil {
			return n
		}
	}
	j.fail(end)
	return 0
}

func (f *jsonField) isZero(number uint64) bool {
	switch f.op {
	case jsonInt32, jsonUint32:
		return uint32(number) == 0
	case jsonZigzag:
		return zigzag(number) == 0
	case jsonDouble:
		return math.Float64frombits(number) == 0
	}
	return number == 0
}

// scalar writes a number or boolean.
func (j *jsonWriter) scalar(op jsonOp, number uint64) {
	switch op {
	case jsonBool:
		j.buf = strconv.AppendBool(j.buf, number != 0)
	case jsonInt32:
		j.buf = strconv.AppendInt(j.buf, int64(int32(number)), 10)
	case jsonZigzag:
		j.buf = strconv.AppendInt(j.buf, int64(zigzag(number)), 10)
	case jsonUint32:
		j.buf = strconv.AppendUint(j.buf, uint64(uint32(number)), 10)
	case jsonInt64:
		j.buf = append(strconv.AppendInt(append(j.buf, '"'), int64(number), 10), '"')
	case jsonUint64:
		j.buf = append(strconv.AppendUint(append(j.buf, '"'), number, 10), '"')
	default:
		j.double(math.Float64frombits(number))
	}
}

func zigzag(number uint64) int32 { return int32(uint32(number>>1)) ^ -int32(number&1) }

func (j *jsonWriter) double(v float64) {
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		j.buf = append(j.buf, `"NaN"`...)
	case math.IsInf(v, 1):
		j.buf = append(j.buf, `"Infinity"`...)
	case math.IsInf(v, -1):
		j.buf = append(j.buf, `"-Infinity"`...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		j.buf = strconv.AppendFloat(j.buf, v, 'e', -1, 64)
	default:
		j.buf = strconv.AppendFloat(j.buf, v, 'f', -1, 64)
	}
}

// text writes a string. Each run of bytes that are not UTF-8, which JSON cannot contain,
// becomes one U+FFFD.
func (j *jsonWriter) text(pos, end int) {
	j.buf = append(j.buf, '"')
	if utf8.Valid(j.data[pos:end]) {
		j.validText(pos, end)
	} else {
		j.repairedText(pos, end)
	}
	j.buf = append(j.buf, '"')
}

func (j *jsonWriter) validText(pos, end int) {
	for pos < end && j.err == nil {
		stop := min(end, pos+jsonChunk)
		for pos < stop {
			n := safeLength(j.data[pos:stop])
			j.buf = append(j.buf, j.data[pos:pos+n]...)
			for pos += n; pos < stop && needsEscape(j.data[pos]); pos++ {
				j.escape(j.data[pos])
			}
		}
		j.flushFull()
	}
}

func (j *jsonWriter) repairedText(pos, end int) {
	replaced := false // the bytes before
	for pos < end && j.err == nil {
		r, size := utf8.DecodeRune(j.data[pos:end])
		invalid := r == utf8.RuneError && size == 1
		switch c := j.data[pos]; {
		case invalid && !replaced:
			j.buf = utf8.AppendRune(j.buf, utf8.RuneError)
		case invalid:
		case needsEscape(c):
			j.escape(c)
		default:
			j.buf = append(j.buf, j.data[pos:pos+size]...)
		}
		replaced = invalid
		pos += size
		j.flushFull()
	}
}

// safeLength returns how many bytes at the start of text need no escape.
func safeLength(text []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		v := binary.LittleEndian.Uint64(text[i:])
		quote, slash := v^ones*'"', v^ones*'\\'
		if found := ((v-ones*0x20)&^v | (quote-ones)&^quote | (slash-ones)&^slash) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(text); i++ {
		if needsEscape(text[i]) {
			return i
		}
	}
	return i
}

func needsEscape(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

func (j *jsonWriter) escape(c byte) {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		j.buf = append(j.buf, '\\', c)
	case '\n':
		j.buf = append(j.buf, '\\', 'n')
	case '\r':
		j.buf = append(j.buf, '\\', 'r')
	case '\t':
		j.buf = append(j.buf, '\\', 't')
	default:
		j.buf = append(j.buf, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
}

func (j *jsonWriter) base64(pos, end int) {
	j.buf = append(j.buf, '"')
	for pos < end && j.err == nil {
		stop := min(end, pos+jsonChunk)
		j.buf = base64.StdEncoding.AppendEncode(j.buf, j.data[pos:stop])
		pos = stop
		j.flushFull()
	}
	j.buf = append(j.buf, '"')
}

func zero(id []byte) bool {
	for _, b := range id {
		if b != 0 {
			return false
		}
	}
	return true
}
