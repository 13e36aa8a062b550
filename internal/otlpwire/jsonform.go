// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// jsonForm is a JSON document together with a form of it that pdata reads, which
// differs where the document uses JSON that pdata does not read. Without write, only
// the length of the form is counted.
type jsonForm struct {
	data    []byte
	differs bool // the form differs from data
	grow    int  // how much longer the form is than data

	write  bool
	out    []byte // the form of data[:copied]
	copied int
}

// replace replaces data[start:end] by text. start must not be before the end of an
// earlier replacement.
func (d *jsonForm) replace(start, end int, text []byte) {
	d.differs = true
	d.grow += len(text) - (end - start)
	if d.write {
		d.out = append(append(d.out, d.data[d.copied:start]...), text...)
		d.copied = end
	}
}

// replaceBase64 replaces data[start:end], which is base64 in any alphabet, by standard
// base64 with padding.
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

// end appends the rest of data and returns the form.
func (d *jsonForm) end() []byte { return append(d.out, d.data[d.copied:]...) }
