// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// number passes over a number as JSON writes them.
func (w *walker) number() bool {
	w.take('-')
	if !w.take('0') && !w.digits() {
		return false
	}
	if w.take('.') && !w.digits() {
		return false
	}
	if w.i < len(w.b) && w.b[w.i]|0x20 == 'e' {
		w.i++
		if !w.take('+') {
			w.take('-')
		}
		return w.digits()
	}
	return true
}

// plainInteger reads an integer of up to 18 digits. It reads nothing and reports false if
// the number is any other.
func (w *walker) plainInteger() (n int64, ok bool) {
	b, i := w.b, w.i
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	from := i
	for i < len(b) && b[i]-'0' <= 9 {
		if i-from == 18 {
			return 0, false
		}
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == from || b[from] == '0' && i-from > 1 || i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') {
		return 0, false
	}
	if negative {
		n = -n
	}
	w.i = i
	return n, true
}

func (w *walker) digits() bool {
	from := w.i
	for w.i < len(w.b) && w.b[w.i]-'0' <= 9 {
		w.i++
	}
	return w.i > from
}

// integer reads a number of up to 18 digits.
func integer(b []byte) (n int64, ok bool) {
	digits := b
	if b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if b[0] == '-' {
		n = -n
	}
	return n, true
}

// setNumber sets an integer if the number is one that fits, else a double, and
// the text of a number that fits neither.
func (w *walker) setNumber(v pcommon.Value, b []byte) {
	if n, ok := integer(b); ok {
		w.mem.SetInt(v, n)
		return
	}
	if bytes.IndexByte(b, '.') < 0 && bytes.IndexByte(b, 'e') < 0 && bytes.IndexByte(b, 'E') < 0 {
		if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
			w.mem.SetInt(v, n)
		} else {
			w.mem.SetStr(v, w.mem.String(b))
		}
		return
	}
	if f, err := strconv.ParseFloat(string(b), 64); err == nil {
		w.mem.SetDouble(v, f)
	} else {
		w.mem.SetStr(v, w.mem.String(b))
	}
}
