package otlpwire

import (
	"math"
	"strconv"
)

// numeral is a number in JSON syntax.
type numeral struct {
	text     []byte
	integer  bool // neither fraction nor exponent
	exponent bool
}

// number consumes a number.
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

// floatSize returns what pdata allocates to read a floating-point number.
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

// double judges a number that pdata reads as a double.
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
			w.rename(unknownName) // a name of a later version of the protocol, perhaps
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

// skipNumber walks a number that pdata skips. Of some pdata looks at the range.
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
		w.replace(start, w.pos, []byte("0")) // which nobody reads
	}
	return nil
}

// validInteger reports whether a number in JSON syntax that is written as an integer
// is one of this kind. pdata overlooks some overflows.
func validInteger(k kind, text []byte) bool {
	switch k {
	case kindInt32, kindEnum:
		return parsesInt(text, math.MaxInt32, true)
	case kindInt64:
		return parsesInt(text, math.MaxInt64, true)
	case kindUint32:
		return parsesInt(text, math.MaxUint32, false)
	default:
		return parsesInt(text, math.MaxUint64, false)
	}
}

// validNumberText reports whether pdata reads a number of this kind from the
// content of a string, for which it uses strconv.
func validNumberText(k kind, text []byte) bool {
	if k != kindDouble {
		return validInteger(k, text)
	}
	if isDecimal(text) {
		return !float64Limit.exceeded(text)
	}
	_, err := strconv.ParseFloat(string(text), 64)
	return err == nil
}

// parsesInt reports what strconv.ParseInt and ParseUint do.
func parsesInt(text []byte, limit uint64, signed bool) bool {
	if signed && len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			limit++
		}
		text = text[1:]
	}
	var n uint64
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || n > (limit-d)/10 {
			return false
		}
		n = n*10 + d
	}
	return len(text) > 0
}

// isDecimal reports whether strconv.ParseFloat reads the text as a decimal
// number without underscores.
func isDecimal(text []byte) bool {
	i, digits := 0, 0
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		i++
	}
	dots := 0
	for ; i < len(text) && (isDigit(text[i]) || text[i] == '.' && dots == 0); i++ {
		if text[i] == '.' {
			dots++
		} else {
			digits++
		}
	}
	if digits == 0 {
		return false
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		first := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		if i == first {
			return false
		}
	}
	return i == len(text)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// floatLimit is the smallest number that strconv.ParseFloat refuses as too large
// for a type: that from which rounding leads to infinity. It is
// digits[0].digits[1:] times ten to the power of exponent.
type floatLimit struct {
	exponent int
	digits   string
}

var (
	float32Limit = floatLimit{38, "340282356779733661637539395458142568448"}
	float64Limit = floatLimit{308, "" +
		"1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070" +
		"9633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447" +
		"5730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904" +
		"174497792"}
)

// exceeded reports whether the number, which is decimal, is the limit or more.
// It reads exponents as strconv does, which stops adding digits at 10,000.
func (l *floatLimit) exceeded(text []byte) bool {
	lead, first := 0, -1 // the exponent of the first digit that is not 0, its index
	point := -1          // the index of the point
	i := 0
	for ; i < len(text) && text[i]|0x20 != 'e'; i++ {
		switch c := text[i]; {
		case c == '.':
			point = i
		case first < 0 && c >= '1':
			first = i
		}
	}
	if first < 0 {
		return false
	}
	if point < 0 {
		point = i
	}
	if lead = point - first; lead > 0 {
		lead--
	}
	mantissa := text[first:i]
	if i < len(text) {
		lead += exponentOf(text[i+1:])
	}
	if lead != l.exponent {
		return lead > l.exponent
	}
	n := 0
	for _, c := range mantissa {
		if c == '.' {
			continue
		}
		if n == len(l.digits) || c > l.digits[n] {
			return true
		}
		if c < l.digits[n] {
			return false
		}
		n++
	}
	return n == len(l.digits)
}

func exponentOf(text []byte) int {
	n, sign := 0, 1
	for _, c := range text {
		switch {
		case c == '-':
			sign = -1
		case c != '+' && n < 10_000:
			n = n*10 + int(c-'0')
		}
	}
	return n * sign
}
