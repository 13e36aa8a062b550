// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// JSON adds the streams of a request in JSON. A stream may have the form of
// /loki/api/v1/push or that of /api/prom/push. It may be called once.
func (b *Builder) JSON(body []byte) error {
	d := jsonDecoder{Builder: b, scanner: scanner{data: body}}
	if err := d.request(); err != nil {
		return err
	}
	if d.peek() != 0 || d.at < len(body) {
		return errTrailing
	}
	return nil
}

// jsonDecoder decodes a request in JSON. It belongs to one goroutine.
type jsonDecoder struct {
	*Builder
	scanner

	scratch []byte
}

// object calls member for each member of an object. member must consume its value.
func (d *jsonDecoder) object(otherwise error, member func(key str) error) error {
	if err := d.take('{', otherwise); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if !more || err != nil {
			return err
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
}

// array calls element for each element of an array. element must consume it.
func (d *jsonDecoder) array(otherwise error, element func() error) error {
	if err := d.take('[', otherwise); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.more(']', first)
		if !more || err != nil {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// ignore consumes a value that has no meaning here.
func (d *jsonDecoder) ignore() error {
	_, err := d.skip()
	return err
}

// once marks a key as read, and returns an error if it was. Readers of JSON disagree about
// which one of two counts.
func once(read *bool) error {
	if *read {
		return errTwice
	}
	*read = true
	return nil
}

func (d *jsonDecoder) request() error {
	read := false
	return d.object(errTop, func(key str) error {
		if !key.is("streams") {
			return d.ignore()
		}
		if err := once(&read); err != nil {
			return err
		}
		if d.peek() == 'n' {
			return d.literal("null")
		}
		return d.array(errStreams, d.stream)
	})
}

// jsonStream is a stream while it is read.
type jsonStream struct {
	labels    []byte // an object, or a string with its quotes
	legacy    bool
	hasLabels bool

	values, entries jsonList
	out             *stream // nil before the first entry
}

// jsonList is one of the two lists of entries that a stream may have.
type jsonList struct {
	entry     func(*jsonDecoder, *stream) error
	otherwise error // if it is no array

	read  bool
	later int // where it is if it came before the labels; 0: nowhere
}

func (d *jsonDecoder) stream() error {
	d.result.Streams++
	s := jsonStream{
		values:  jsonList{entry: (*jsonDecoder).valueEntry, otherwise: errValues},
		entries: jsonList{entry: (*jsonDecoder).objectEntry, otherwise: errEntries},
	}
	err := d.object(errStream, func(key str) error {
		switch {
		case key.is("stream"):
			return d.keepLabels(&s, false, '{', errLabels)
		case key.is("labels"):
			return d.keepLabels(&s, true, '"', errLabelText)
		case key.is("values"):
			return d.list(&s, &s.values)
		case key.is("entries"):
			return d.list(&s, &s.entries)
		}
		return d.ignore()
	})
	if err != nil {
		return err
	}
	if !s.hasLabels {
		return errNoLabels
	}
	behind := d.at
	for _, l := range [2]*jsonList{&s.values, &s.entries} {
		if l.later == 0 {
			continue
		}
		d.at = l.later
		if err := d.listEntries(&s, l); err != nil {
			return err
		}
	}
	d.at = behind
	if s.out == nil { // a stream without entries is none, but must be a valid one
		return d.readLabels(&s)
	}
	return nil
}

// keepLabels keeps the labels of a stream, which begin with a byte.
func (d *jsonDecoder) keepLabels(s *jsonStream, legacy bool, begin byte, otherwise error) (err error) {
	if s.hasLabels && s.legacy != legacy {
		return errTwoForms
	}
	if err := once(&s.hasLabels); err != nil {
		return err
	}
	if d.peek() != begin {
		return otherwise
	}
	s.legacy = legacy
	s.labels, err = d.skip()
	return err
}

// list reads the entries of a stream, or keeps where they are if its labels are not known
// yet.
func (d *jsonDecoder) list(s *jsonStream, l *jsonList) error {
	if err := once(&l.read); err != nil {
		return err
	}
	switch {
	case d.peek() == 'n':
		return d.literal("null")
	case d.peek() != '[':
		return l.otherwise
	case !s.hasLabels:
		l.later = d.at
		return d.ignore()
	}
	return d.listEntries(s, l)
}

func (d *jsonDecoder) listEntries(s *jsonStream, l *jsonList) error {
	return d.array(l.otherwise, func() (err error) {
		if s.out == nil {
			if s.out, err = d.streamOf(s.labels, func() error { return d.readLabels(s) }); err != nil {
				return err
			}
		}
		return l.entry(d, s.out)
	})
}

// readLabels sets the labels of the builder to those of s.
func (d *jsonDecoder) readLabels(s *jsonStream) error {
	if !s.legacy {
		inner := jsonDecoder{Builder: d.Builder, scanner: scanner{data: s.labels}}
		d.labels.labels.reset()
		return inner.pairs(errLabels, &d.labels.labels)
	}
	inner := scanner{data: s.labels, at: 1}
	text, err := inner.str()
	if err != nil {
		return err
	}
	set := text.raw
	if text.escaped {
		if err := d.set.Reserve(int64(len(set))); err != nil {
			return err
		}
		set = unescape(make([]byte, 0, len(set)), set)
	}
	return d.labels.parse(set)
}

// pairs adds the members of an object. Values other than strings become text, since
// pino-loki has numbers among its labels.
func (d *jsonDecoder) pairs(otherwise error, to *pairs) error {
	return d.object(otherwise, func(key str) error { return d.pair(key, to) })
}

func (d *jsonDecoder) pair(key str, to *pairs) error {
	if to.full() {
		to.dropped++
		return d.ignore()
	}
	name, err := d.text(key)
	if err != nil {
		return err
	}
	value, err := d.anyText()
	if err == nil {
		to.add(name, value)
	}
	return err
}

// anyText reads a value of any type as text. null is "".
func (d *jsonDecoder) anyText() (string, error) {
	switch d.peek() {
	case '"':
		d.at++
		value, err := d.str()
		if err != nil {
			return "", err
		}
		return d.text(value)
	case 'n':
		return "", d.literal("null")
	}
	raw, err := d.skip()
	if err != nil {
		return "", err
	}
	return d.texts.text(raw)
}

// text returns the content of a string.
func (d *jsonDecoder) text(s str) (string, error) {
	if !s.escaped {
		return d.texts.text(s.raw)
	}
	// Only bytes that are not valid UTF-8 become longer.
	most := len(s.raw)
	if s.wide && !utf8.Valid(s.raw) {
		most *= utf8.UTFMax
	}
	from, err := d.texts.room(most)
	if err != nil {
		return "", err
	}
	if more := most - cap(d.scratch); more > 0 {
		if err := d.set.Reserve(int64(more)); err != nil {
			return "", err
		}
		d.scratch = make([]byte, 0, most)
	}
	d.scratch = unescape(d.scratch[:0], s.raw)
	d.texts.chunk.Write(d.scratch)
	return d.texts.since(from), nil
}

// valueEntry reads an entry such as ["1700000000000000000", "line", {"k": "v"}].
func (d *jsonDecoder) valueEntry(s *stream) error {
	if err := d.take('[', errValue); err != nil {
		return err
	}
	var e entry
	d.metadata.reset()
	for i := 0; ; i++ {
		more, err := d.more(']', i == 0)
		if err != nil {
			return err
		}
		if !more {
			if i < 2 {
				return errValue
			}
			return d.add(s, &e)
		}
		switch i {
		case 0:
			err = d.nanoseconds(&e)
		case 1:
			err = d.line(&e)
		case 2:
			err = d.structured()
		default:
			err = errValue
		}
		if err != nil {
			return err
		}
	}
}

// nanoseconds reads a timestamp such as "1700000000000000000".
func (d *jsonDecoder) nanoseconds(e *entry) error {
	if err := d.take('"', errTimestamp); err != nil {
		return err
	}
	text, err := d.str()
	if err != nil {
		return err
	}
	raw := text.raw
	if len(raw) == len("1700000000000000000") && raw[0] != '0' {
		n := uint64(0)
		for _, c := range raw {
			if c-'0' > 9 {
				n = 0
				break
			}
			n = n*10 + uint64(c-'0')
		}
		if n != 0 && n < 1<<63 {
			e.seconds, e.nanos = int64(n/nanosPerSecond), int64(n%nanosPerSecond)
			return nil
		}
	}
	if len(raw) > 32 {
		return errTimestamp
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return errTimestamp
	}
	e.seconds, e.nanos = n/nanosPerSecond, n%nanosPerSecond
	return nil
}

func (d *jsonDecoder) line(e *entry) error {
	if err := d.take('"', errLine); err != nil {
		return err
	}
	text, err := d.str()
	if err == nil {
		e.line, err = d.text(text)
	}
	return err
}

// structured reads structured metadata. In the form of Loki's answers to queries it is
// in "structuredMetadata", and "parsed" has what a query found in the line.
func (d *jsonDecoder) structured() error {
	if d.peek() == 'n' {
		return d.literal("null")
	}
	return d.object(errMetadata, func(key str) error {
		if d.peek() == '{' && (key.is("structuredMetadata") || key.is("parsed")) {
			return d.pairs(errMetadata, &d.metadata)
		}
		return d.pair(key, &d.metadata)
	})
}

// objectEntry reads an entry such as {"ts": "2023-11-14T22:13:20Z", "line": "line"}.
func (d *jsonDecoder) objectEntry(s *stream) error {
	var (
		e                     entry
		hasTime, hasLine, has bool
	)
	d.metadata.reset()
	err := d.object(errEntry, func(key str) error {
		switch {
		case key.is("ts"):
			if err := once(&hasTime); err != nil {
				return err
			}
			return d.clockTime(&e)
		case key.is("line"):
			if err := once(&hasLine); err != nil {
				return err
			}
			return d.line(&e)
		case key.is("structuredMetadata"):
			if err := once(&has); err != nil {
				return err
			}
			return d.structured()
		}
		return d.ignore()
	})
	if err != nil {
		return err
	}
	if !hasTime || !hasLine {
		return errNoLineTime
	}
	return d.add(s, &e)
}

// clockTime reads a timestamp such as "2023-11-14T22:13:20.5Z".
func (d *jsonDecoder) clockTime(e *entry) error {
	if err := d.take('"', errTimeText); err != nil {
		return err
	}
	text, err := d.str()
	if err != nil {
		return err
	}
	if len(text.raw) > 64 {
		return errTimeText
	}
	t, err := time.Parse(time.RFC3339Nano, string(bytes.TrimSpace(text.raw)))
	if err != nil {
		return errTimeText
	}
	e.seconds, e.nanos = t.Unix(), int64(t.Nanosecond())
	return nil
}
