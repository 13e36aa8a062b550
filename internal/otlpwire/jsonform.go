package otlpwire

import "bytes"

// jsonForm is a document and, where that has what JSON allows and pdata does not
// read, the form of it that pdata reads. The form is counted, and written if there
// is room for it.
type jsonForm struct {
	data []byte
	odd  bool // the form differs from data
	grow int  // how much longer the form is than data

	write  bool
	out    []byte // the form of data[:copied]
	copied int
}

// unknownName is a name that no field has. pdata skips a member with it.
const unknownName = "-"

// replace has text in the place of data[start:end], which is behind all that was
// replaced before.
func (d *jsonForm) replace(start, end int, text []byte) {
	d.odd = true
	d.grow += len(text) - (end - start)
	if d.write {
		d.out = append(append(d.out, d.data[d.copied:start]...), text...)
		d.copied = end
	}
}

// rename replaces the last key. The value behind it must not have been replaced.
func (w *jsonWalker) rename(name string) {
	old := w.data[w.name:w.nameEnd]
	w.memory += w.copied(old, bytes.IndexByte(old, '\\') >= 0) - copySize(len(name)) // pdata copies names
	w.replace(w.name, w.nameEnd, []byte(name))
}

// replaceBase64 has standard base64 with padding in the place of data[start:end], which
// is base64.
func (d *jsonForm) replaceBase64(start, end int) {
	d.replace(start, end, nil)
	digits := 0
	put := func(c byte) {
		d.grow++
		if d.write {
			d.out = append(d.out, c)
		}
	}
	for i := start; i < end; {
		c, width := base64Char(d.data[i:end])
		i += width
		switch c {
		case '=', '\r', '\n':
			continue
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		digits++
		put(c)
	}
	for ; digits%4 != 0; digits++ {
		put('=')
	}
}

// end writes what is left of data.
func (d *jsonForm) end() []byte { return append(d.out, d.data[d.copied:]...) }

// maxDigits is the number of digits of the largest integer.
const maxDigits = 20

// integer returns the decimal digits of a number in JSON syntax if it is an integer of
// the kind, such as 17 for 1.70e1. The result is valid until the next use of scratch.
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

// isIntegral reports whether a number in JSON syntax has no fraction.
func isIntegral(text []byte) bool { return normalize(text).exponent >= 0 }

// normalized is a number as digits, which begin at first and of which neither the first
// nor the last is 0, times ten to the power of exponent.
type normalized struct {
	negative         bool
	first            int // -1: the number is 0
	digits, exponent int64
}

// normalize takes a number in JSON syntax.
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

// parseExponent stops adding digits far beyond what a mantissa can make up for.
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
