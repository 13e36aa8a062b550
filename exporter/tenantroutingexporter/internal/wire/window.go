// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package wire

// Window returns a request with the records from first until end of buf, counted from 0,
// each in a copy of the messages that it is in. Messages without such records are left
// out. The result does not share memory with buf.
func Window(form Form, buf []byte, first, end int) ([]byte, error) {
	size := 0
	c := newWindow(form, first, end)
	c.cut = func(n int) { size = n }
	if err := c.run(buf); err != nil {
		return nil, err
	}
	var out []byte
	c = newWindow(form, first, end)
	c.copies = true
	c.begin = func() { c.open[0].body = make([]byte, 0, size) }
	c.cut = func(int) { out = c.open[0].body }
	return out, c.run(buf)
}

func newWindow(form Form, first, end int) *cutter {
	c := newCutter(form, 0)
	c.window, c.first, c.end = true, first, end
	return c
}
