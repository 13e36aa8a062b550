// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package wire

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Form is the structure of an export request.
type Form uint8

// The forms of export requests.
const (
	Records Form = iota // of logs and traces: resource, scope, record
	Points              // of metrics: resource, scope, metric, its data (such as gauge), data point
)

// depth returns how many messages contain a record, including the request.
func (f Form) depth() int {
	if f == Points {
		return 5
	}
	return 3
}

// leads reports whether a field of a message at the given depth contains records.
func (f Form) leads(depth int, number protowire.Number) bool {
	switch depth {
	case 0, 4:
		return number == 1
	case 3:
		return number == 5 || number == 7 || number == 9 || number == 10 || number == 11
	}
	return number == 2
}

// Piece is a part of a request, itself a request.
type Piece struct {
	Data    []byte
	Records int // log records, data points or spans
}

// Limits bound the result of Cut.
type Limits struct {
	Piece int // bytes of one piece
	Total int // bytes of all pieces
}

// TooLargeError is the error of a request that cannot be cut within the limits.
type TooLargeError struct {
	Size     int // of the request
	Envelope int // of a record: the resource, scope and metric that are part of its piece
	Limits   Limits
}

// Error implements error.
func (e *TooLargeError) Error() string {
	if e.Envelope > e.Limits.Piece {
		return fmt.Sprintf("a record's resource, scope and metric are %d bytes without the record, and a destination takes at most %d bytes in one request", e.Envelope, e.Limits.Piece)
	}
	return fmt.Sprintf("a destination takes at most %d bytes in one request, and splitting the request of %d bytes would make more than %d bytes: resources, scopes and metrics, of up to %d bytes, are part of each piece",
		e.Limits.Piece, e.Size, e.Limits.Total, e.Envelope)
}

// Cut cuts a request into pieces of at most limits.Piece bytes. Records stay in their
// order, and each is in a copy of the messages that it is in. Messages without records
// are left out. A piece of one record may be larger, if the record is. The result does
// not share memory with buf.
//
// Cut knows how large all pieces become before it makes one. The error is a
// *TooLargeError if they would exceed limits.Total, or if a record needs a piece of
// more than limits.Piece for what it is in alone.
func Cut(form Form, buf []byte, limits Limits) ([]Piece, error) {
	sizes, err := measure(form, buf, limits)
	if err != nil {
		return nil, err
	}
	c := newCutter(form, limits.Piece)
	c.copies = true
	pieces := make([]Piece, 0, len(sizes))
	c.begin = func() { c.open[0].body = make([]byte, 0, sizes[len(pieces)]) }
	c.cut = func(int) { pieces = append(pieces, Piece{c.open[0].body, c.records}) }
	if err := c.run(buf); err != nil {
		return nil, err
	}
	return pieces, nil
}

// CutEach calls yield with the pieces that Cut makes, one after the other in the same
// memory, and returns its first error. Where Cut fails, or would make one piece only or
// one of more than largest bytes, it calls yield with buf instead.
func CutEach(form Form, buf []byte, limits Limits, largest int, yield func([]byte) error) error {
	sizes, err := measure(form, buf, limits)
	if err != nil || len(sizes) < 2 || slices.Max(sizes) > largest {
		return yield(buf)
	}
	c := newCutter(form, limits.Piece)
	c.copies = true
	var failed error
	c.check = func() bool { return failed == nil }
	c.begin = func() { c.open[0].body = c.open[0].body[:0] }
	c.cut = func(int) {
		if failed == nil {
			failed = yield(c.open[0].body)
		}
	}
	if err := c.run(buf); err != nil {
		return err
	}
	return failed
}

// measure returns how large all pieces become.
func measure(form Form, buf []byte, limits Limits) (sizes []int, err error) {
	c := newCutter(form, limits.Piece)
	total := 0
	c.check = func() bool { return c.envelope <= limits.Piece && total <= limits.Total }
	c.cut = func(size int) {
		sizes = append(sizes, size)
		total += size
	}
	if err := c.run(buf); err != nil {
		return nil, err
	}
	if !c.check() {
		return nil, &TooLargeError{Size: len(buf), Envelope: c.envelope, Limits: limits}
	}
	return sizes, nil
}

// cutter walks a request with the messages that it is in at present.
type cutter struct {
	form     Form
	limit    int
	copies   bool           // bodies are written, not only measured
	begin    func()         // is called before a piece begins
	cut      func(size int) // is called when a piece is complete
	check    func() bool    // reports false to end the walk
	open     []message      // by depth
	window   bool           // only some records are wanted, in one piece
	first    int            // of these, counted from 0
	end      int            // after the last of these
	seen     int            // records until now
	records  int            // in the piece
	envelope int            // the most bytes that the messages around a record are by themselves
}

// message is an open message.
type message struct {
	field  protowire.Number // in the message around it
	header []byte           // all fields but the children
	used   bool             // it is in the piece
	size   int              // of what it has in the piece
	body   []byte           // that
}

func newCutter(form Form, limit int) *cutter {
	return &cutter{
		form: form, limit: limit, open: make([]message, form.depth()),
		begin: func() {}, check: func() bool { return true },
	}
}

func (c *cutter) run(buf []byte) error {
	if err := c.message(0, 0, buf); err != nil {
		return err
	}
	if c.records > 0 {
		c.finish()
	}
	return nil
}

// message walks a message.
func (c *cutter) message(depth int, field protowire.Number, buf []byte) error {
	m := &c.open[depth]
	m.field, m.header, m.used = field, m.header[:0], false
	for rest := buf; len(rest) > 0; {
		f, err := next(rest)
		if err != nil {
			return err
		}
		if !c.leads(depth, &f) {
			m.header = append(m.header, rest[:f.size]...)
		}
		rest = rest[f.size:]
	}
	for rest := buf; len(rest) > 0; {
		f, err := next(rest)
		if err != nil {
			return err
		}
		switch {
		case !c.leads(depth, &f):
		case !c.check():
			return nil
		case depth == len(c.open)-1:
			c.record(rest[:f.size])
		default:
			if err := c.message(depth+1, f.number, f.value); err != nil {
				return err
			}
		}
		rest = rest[f.size:]
	}
	if depth > 0 {
		c.close(depth)
	}
	return nil
}

// record adds a record to the piece, or to a new one if the piece is full.
func (c *cutter) record(field []byte) {
	n := c.seen
	c.seen++
	if c.window && (n < c.first || n >= c.end) {
		return
	}
	if !c.window && c.records > 0 && c.sizeWith(len(field)) > c.limit {
		c.finish()
	}
	if c.records == 0 {
		c.envelope = max(c.envelope, c.sizeWith(0))
		c.begin()
	}
	for i := range c.open {
		m := &c.open[i]
		if m.used {
			continue
		}
		m.used, m.size = true, len(m.header)
		if c.copies {
			m.body = append(m.body[:0], m.header...)
		}
	}
	m := &c.open[len(c.open)-1]
	m.size += len(field)
	if c.copies {
		m.body = append(m.body, field...)
	}
	c.records++
}

// sizeWith returns how large the piece would be with n bytes more in the innermost
// message.
func (c *cutter) sizeWith(n int) int {
	for i := len(c.open) - 1; i >= 0; i-- {
		m := &c.open[i]
		if m.used {
			n += m.size
		} else {
			n += len(m.header)
		}
		if i > 0 {
			n = protowire.SizeTag(m.field) + protowire.SizeBytes(n)
		}
	}
	return n
}

// close writes what a message has in the piece into the message around it.
func (c *cutter) close(depth int) {
	m, outer := &c.open[depth], &c.open[depth-1]
	if !m.used {
		return
	}
	m.used = false
	outer.size += protowire.SizeTag(m.field) + protowire.SizeBytes(m.size)
	if c.copies {
		outer.body = protowire.AppendTag(outer.body, m.field, protowire.BytesType)
		outer.body = protowire.AppendBytes(outer.body, m.body)
	}
}

// finish ends the piece. The messages stay open for the next.
func (c *cutter) finish() {
	for i := len(c.open) - 1; i > 0; i-- {
		c.close(i)
	}
	c.open[0].used = false
	c.cut(c.open[0].size)
	c.records = 0
}

// field is a field on the wire.
type field struct {
	number protowire.Number
	kind   protowire.Type
	size   int    // with its tag
	value  []byte // of BytesType
}

func next(buf []byte) (field, error) {
	number, kind, n := protowire.ConsumeTag(buf)
	if n < 0 {
		return field{}, errMalformed
	}
	f := field{number: number, kind: kind}
	m := 0
	if kind == protowire.BytesType {
		f.value, m = protowire.ConsumeBytes(buf[n:])
	} else {
		m = protowire.ConsumeFieldValue(number, kind, buf[n:])
	}
	if m < 0 {
		return field{}, errMalformed
	}
	f.size = n + m
	return f, nil
}

func (c *cutter) leads(depth int, f *field) bool {
	return f.kind == protowire.BytesType && c.form.leads(depth, f.number)
}
