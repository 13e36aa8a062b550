// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// validInteger reports whether an integer in JSON syntax fits this kind. pdata misses some
// overflows.
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

// validNumberText reports whether pdata reads a number of this kind from the content of a
// string. pdata uses strconv for that.
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

// parsesInt reports whether strconv.ParseInt, or ParseUint, accepts text for this limit.
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

// floatLimit is the smallest number that strconv.ParseFloat rejects as out of range for a
// type, because it rounds to infinity. It is digits[0].digits[1:] times ten to the power of
// exponent.
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

// exceeded reports whether a decimal number is at or above the limit. Like strconv, it
// stops reading digits of an exponent at 10,000.
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

// exponentOf returns an exponent as strconv reads it.
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

// maxDigits is the number of digits of the largest integer.
const maxDigits = 20

// isIntegral reports whether a number in JSON syntax has no fraction.
func isIntegral(text []byte) bool { return normalize(text).exponent >= 0 }

// normalized is a number as digits times ten to the power of exponent. The digits start at
// index first of its text, and neither the first nor the last of them is 0.
type normalized struct {
	negative         bool
	first            int // -1: the number is 0
	digits, exponent int64
}

// normalize returns the digits and exponent of a number in JSON syntax.
func normalize(text []byte) normalized {
	d := normalized{negative: text[0] == '-', first: -1}
	fraction, zeros := false, int64(0) // zeros: at the end of the digits so far
	i := 0
	for ; i < len(text) && text[i]|0x20 != 'e'; i++ {
		switch c := text[i]; {
		case c == '.':
			fraction = true
			continue
		case c == '-':
			continue
		case c == '0':
			zeros++
		case d.first < 0:
			d.first, d.digits, zeros = i, 1, 0
		default:
			d.digits, zeros = d.digits+zeros+1, 0
		}
		if fraction {
			d.exponent--
		}
	}
	if d.first < 0 {
		d.exponent = 0
		return d
	}
	d.exponent += zeros
	if i < len(text) {
		d.exponent += parseExponent(text[i+1:])
	}
	return d
}

// parseExponent returns an exponent. It stops reading digits at a value for which no
// mantissa in a request can compensate.
func parseExponent(text []byte) int64 {
	n, sign := int64(0), int64(1)
	for _, c := range text {
		switch {
		case c == '-':
			sign = -1
		case c != '+' && n < 1e15:
			n = n*10 + int64(c-'0')
		}
	}
	return n * sign
}

// isNumber reports whether text is a number in JSON syntax.
func isNumber(text []byte) bool {
	w := jsonWalker{jsonForm: jsonForm{data: text}}
	_, err := w.number()
	return err == nil && w.pos == len(text)
}
