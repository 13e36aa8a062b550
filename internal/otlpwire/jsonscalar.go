package otlpwire

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

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

// text writes a string. Bytes that are no UTF-8, which JSON cannot have, become U+FFFD,
// one for several in a row.
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

// safeLength returns how many bytes at the beginning of text need no escape.
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
