// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"strings"
	"unicode/utf8"
)

// Version is a version of remote write.
type Version uint8

// The versions.
const (
	V1 Version = iota
	V2
)

// Counts are the elements of a message that are found without decoding series.
type Counts struct {
	Series   int
	Families int // of 1.0
	Symbols  int // of 2.0

	symbolBytes int
}

// Memory returns how many bytes a [Decoder] of the message holds beside what it
// reserves.
func (c Counts) Memory(body int) int64 {
	if c.Symbols > 0 {
		const sizeOfString = 16
		return int64(c.Symbols)*sizeOfString + int64(c.symbolBytes)
	}
	return int64(body)
}

// Numbers of the fields of both messages.
const (
	fieldSeriesV1 = 1
	fieldFamilyV1 = 3
	fieldSymbolV2 = 4
	fieldSeriesV2 = 5
)

// Scan counts what is in a message, without allocation.
func Scan(v Version, body []byte) (c Counts, err error) {
	r := reader{data: body}
	for {
		more, err := r.next()
		if !more || err != nil {
			return c, err
		}
		switch {
		case v == V1 && r.number == fieldSeriesV1, v == V2 && r.number == fieldSeriesV2:
			c.Series++
		case v == V1 && r.number == fieldFamilyV1:
			c.Families++
		case v == V2 && r.number == fieldSymbolV2:
			c.Symbols++
			c.symbolBytes += r.size()
		default:
			continue
		}
		if err := r.is(wireBytes); err != nil {
			return c, err
		}
	}
}

// Decoder decodes one message. It belongs to one goroutine.
type Decoder struct {
	// Series is called for each series, and Family for each family of 1.0. Their error
	// ends the decoding.
	Series func(*Series) error
	Family func(Family) error

	// Reserve is called before the decoder holds n more bytes for a series that is
	// larger than all before it. Its error ends the decoding.
	Reserve func(n int64) error

	series  Series
	symbols []string
	refs    []uint32

	charged int64 // what is reserved for the series
	used    int64 // of what is charged, by this series
}

// Decode decodes a message that [Scan] has counted. All texts that it yields are valid
// UTF-8 and none of them uses the memory of body.
func (d *Decoder) Decode(v Version, c Counts, body []byte) error {
	if v == V2 {
		return d.decodeV2(c, body)
	}
	return d.decodeV1(body)
}

// Elements in memory, twice as large as they are because of how slices grow.
const (
	sizeOfLabel     = 2 * 32
	sizeOfSample    = 2 * 24
	sizeOfExemplar  = 2 * 40
	sizeOfHistogram = 2 * 280
	sizeOfNumber    = 2 * 8

	reserveStep = 16 << 10
)

// charge counts n bytes that the series needs.
func (d *Decoder) charge(n int) error {
	d.used += int64(n)
	if d.used <= d.charged {
		return nil
	}
	step := (d.used - d.charged + reserveStep - 1) / reserveStep * reserveStep
	if err := d.Reserve(step); err != nil {
		return err
	}
	d.charged += step
	return nil
}

// beginSeries empties the series for the next one.
func (d *Decoder) beginSeries() *Series {
	d.used = 0
	d.series.reset()
	return &d.series
}

func (d *Decoder) decodeV2(c Counts, body []byte) error {
	if err := d.readSymbols(c, body); err != nil {
		return err
	}
	if len(body) > 0 && (len(d.symbols) == 0 || d.symbols[0] != "") {
		return errNoSymbols
	}
	r := reader{data: body}
	for {
		more, err := r.next()
		if !more || err != nil {
			return err
		}
		if r.number != fieldSeriesV2 {
			continue
		}
		s := d.beginSeries()
		if err := d.seriesV2(s, r.content()); err != nil {
			return err
		}
		if err := d.Series(s); err != nil {
			return err
		}
	}
}

// readSymbols copies the symbols into one text, so that there is one allocation for all.
func (d *Decoder) readSymbols(c Counts, body []byte) error {
	var all strings.Builder
	all.Grow(c.symbolBytes)
	each := func(f func(content []byte)) error {
		r := reader{data: body}
		for {
			more, err := r.next()
			if !more || err != nil {
				return err
			}
			if r.number == fieldSymbolV2 {
				f(r.content())
			}
		}
	}
	if err := each(func(content []byte) { all.Write(content) }); err != nil {
		return err
	}
	text := all.String()
	d.symbols = make([]string, 0, c.Symbols)
	at, valid := 0, true
	err := each(func(content []byte) {
		symbol := text[at : at+len(content)]
		at += len(content)
		valid = valid && utf8.ValidString(symbol)
		d.symbols = append(d.symbols, symbol)
	})
	if err == nil && !valid {
		return errUTF8
	}
	return err
}

// symbol returns the symbol that a reference names.
func (d *Decoder) symbol(ref uint64) (string, error) {
	if ref >= uint64(len(d.symbols)) {
		return "", errSymbol
	}
	return d.symbols[ref], nil
}

// pairs calls add with the names and values that refs name.
func (d *Decoder) pairs(refs []uint32, add func(name, value string) error) error {
	if len(refs)%2 != 0 {
		return errOddRefs
	}
	for i := 0; i < len(refs); i += 2 {
		name, err := d.symbol(uint64(refs[i]))
		if err != nil {
			return err
		}
		value, err := d.symbol(uint64(refs[i+1]))
		if err != nil {
			return err
		}
		if err := add(name, value); err != nil {
			return err
		}
	}
	return nil
}

// readRefs appends references of a field.
func (d *Decoder) readRefs(r *reader) (err error) {
	if len(d.refs)+r.size() > 2*maxRefBytes {
		return errManyLabels
	}
	d.refs, err = unpack(d.refs, r, wireVarint, func(v uint64) uint32 { return uint32(min(v, 1<<32-1)) })
	return err
}

// maxRefBytes is how many bytes the references of one series or exemplar may have.
const maxRefBytes = 2 * MaxLabels * 10

func (d *Decoder) seriesV2(s *Series, data []byte) error {
	d.refs = d.refs[:0]
	created, exemplars := int64(0), false
	r := reader{data: data}
	for {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch r.number {
		case 1:
			err = d.readRefs(&r)
		case 2:
			err = d.sample(s, &r)
		case 3:
			err = d.histogram(s, &r)
		case 4:
			exemplars = true // which need d.refs too
		case 5:
			err = d.metadata(s, &r)
		case 6: // of drafts before rc.4: created_timestamp
			created = int64(r.value)
			err = r.is(wireVarint)
		}
		if err != nil {
			return err
		}
	}
	if err := d.charge(len(d.refs) / 2 * sizeOfLabel); err != nil {
		return err
	}
	if err := d.pairs(d.refs, s.add); err != nil {
		return err
	}
	if exemplars {
		if err := d.exemplarsV2(s, data); err != nil {
			return err
		}
	}
	if len(s.Samples)+len(s.Histograms)+len(s.Exemplars) == 0 {
		return errNothing
	}
	s.startAt(created)
	return s.finish(true)
}

// startAt sets the start of what has none.
func (s *Series) startAt(created int64) {
	if created == 0 {
		return
	}
	for i := range s.Samples {
		if s.Samples[i].Start == 0 {
			s.Samples[i].Start = created
		}
	}
	for i := range s.Histograms {
		if s.Histograms[i].Start == 0 {
			s.Histograms[i].Start = created
		}
	}
}

func (d *Decoder) exemplarsV2(s *Series, data []byte) error {
	r := reader{data: data}
	for {
		more, err := r.next()
		if !more || err != nil {
			return err
		}
		if r.number == 4 {
			if err := d.exemplar(V2, s, &r, ""); err != nil {
				return err
			}
		}
	}
}

// sample reads a sample, which is the same in both versions but for its start.
func (d *Decoder) sample(s *Series, field *reader) error {
	if err := field.is(wireBytes); err != nil {
		return err
	}
	if err := d.charge(sizeOfSample); err != nil {
		return err
	}
	var sample Sample
	r := reader{data: field.content()}
	for {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			s.Samples = append(s.Samples, sample)
			return nil
		}
		switch r.number {
		case 1:
			sample.Value = float(r.value)
			err = r.is(wireFixed64)
		case 2:
			sample.Timestamp = int64(r.value)
			err = r.is(wireVarint)
		case 3:
			sample.Start = int64(r.value)
			err = r.is(wireVarint)
		}
		if err != nil {
			return err
		}
	}
}

func (d *Decoder) metadata(s *Series, field *reader) error {
	if err := field.is(wireBytes); err != nil {
		return err
	}
	r := reader{data: field.content()}
	for {
		more, err := r.next()
		if !more || err != nil {
			return err
		}
		switch r.number {
		case 1, 3, 4:
		default:
			continue
		}
		if err := r.is(wireVarint); err != nil {
			return err
		}
		switch r.number {
		case 1:
			s.Metadata.Type = typeOf(r.value)
		case 3:
			s.Metadata.Help, err = d.symbol(r.value)
		case 4:
			s.Metadata.Unit, err = d.symbol(r.value)
		}
		if err != nil {
			return err
		}
	}
}

// exemplar reads an exemplar. text is that of the whole message of 1.0.
func (d *Decoder) exemplar(v Version, s *Series, field *reader, text string) error {
	if err := field.is(wireBytes); err != nil {
		return err
	}
	if err := d.charge(sizeOfExemplar); err != nil {
		return err
	}
	e := s.exemplar()
	add := func(name, value string) error {
		if len(e.Labels) >= MaxLabels {
			return errManyLabels
		}
		if name == "" {
			return errLabelName
		}
		if err := d.charge(sizeOfLabel); err != nil {
			return err
		}
		e.Labels = append(e.Labels, Label{name, value})
		return nil
	}
	d.refs = d.refs[:0]
	r := reader{data: field.content()}
	for {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch r.number {
		case 1:
			if v == V2 {
				err = d.readRefs(&r)
			} else {
				err = label(&r, text, add)
			}
		case 2:
			e.Value = float(r.value)
			err = r.is(wireFixed64)
		case 3:
			e.Timestamp = int64(r.value)
			err = r.is(wireVarint)
		}
		if err != nil {
			return err
		}
	}
	return d.pairs(d.refs, add)
}

func (d *Decoder) decodeV1(body []byte) error {
	body = body[:len(body):len(body)]
	text := string(body) // what all texts of the message are parts of
	r := reader{data: body}
	for {
		more, err := r.next()
		if !more || err != nil {
			return err
		}
		switch r.number {
		case fieldSeriesV1:
			s := d.beginSeries()
			if err := d.seriesV1(s, r.content(), text); err != nil {
				return err
			}
			if len(s.Samples)+len(s.Histograms)+len(s.Exemplars) == 0 {
				continue
			}
			if err := d.Series(s); err != nil {
				return err
			}
		case fieldFamilyV1:
			f, err := family(r.content(), text)
			if err != nil {
				return err
			}
			if err := d.Family(f); err != nil {
				return err
			}
		}
	}
}

// textOf returns content, a part of the message of which text is a copy, as a part of
// text.
func textOf(content []byte, text string) (string, error) {
	at := len(text) - cap(content) // both end with the message
	s := text[at : at+len(content)]
	if !utf8.ValidString(s) {
		return "", errUTF8
	}
	return s, nil
}

func (d *Decoder) seriesV1(s *Series, data []byte, text string) error {
	r := reader{data: data}
	for {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			return s.finish(false)
		}
		switch r.number {
		case 1:
			if err = d.charge(sizeOfLabel); err == nil {
				err = label(&r, text, s.add)
			}
		case 2:
			err = d.sample(s, &r)
		case 3:
			err = d.exemplar(V1, s, &r, text)
		case 4:
			err = d.histogram(s, &r)
		}
		if err != nil {
			return err
		}
	}
}

// label reads a label of 1.0.
func label(field *reader, text string, add func(name, value string) error) error {
	if err := field.is(wireBytes); err != nil {
		return err
	}
	var name, value string
	r := reader{data: field.content()}
	for {
		more, err := r.next()
		if err != nil {
			return err
		}
		if !more {
			return add(name, value)
		}
		switch r.number {
		case 1, 2:
			if err := r.is(wireBytes); err != nil {
				return err
			}
			t, err := textOf(r.content(), text)
			if err != nil {
				return err
			}
			if r.number == 1 {
				name = t
			} else {
				value = t
			}
		}
	}
}

// family reads a family of 1.0.
func family(data []byte, text string) (f Family, err error) {
	r := reader{data: data}
	for {
		more, err := r.next()
		if !more || err != nil {
			return f, err
		}
		switch r.number {
		case 1:
			f.Type = typeOf(r.value)
			err = r.is(wireVarint)
		case 2, 4, 5:
			if err = r.is(wireBytes); err != nil {
				return f, err
			}
			var t string
			t, err = textOf(r.content(), text)
			switch r.number {
			case 2:
				f.Name = t
			case 4:
				f.Help = t
			case 5:
				f.Unit = t
			}
		}
		if err != nil {
			return f, err
		}
	}
}

// histogram reads a native histogram, which is the same in both versions but for its
// start.
func (d *Decoder) histogram(s *Series, field *reader) error {
	if err := field.is(wireBytes); err != nil {
		return err
	}
	// Bounded by the size of the field: a bucket has at least a byte, a span two.
	if err := d.charge(sizeOfHistogram + field.size()*sizeOfNumber); err != nil {
		return err
	}
	h := s.histogram()
	r := reader{data: field.content()}
	for {
		more, err := r.next()
		if !more || err != nil {
			return err
		}
		switch r.number {
		case 1, 6, 14, 15, 17, 4:
			err = h.varint(&r)
		case 2, 3, 5, 7:
			err = h.float(&r)
		case 8:
			h.Negative.Spans, err = span(h.Negative.Spans, &r)
		case 9:
			h.Negative.Deltas, err = unpack(h.Negative.Deltas, &r, wireVarint, zigzag)
		case 10:
			h.Negative.Counts, err = unpack(h.Negative.Counts, &r, wireFixed64, float)
		case 11:
			h.Positive.Spans, err = span(h.Positive.Spans, &r)
		case 12:
			h.Positive.Deltas, err = unpack(h.Positive.Deltas, &r, wireVarint, zigzag)
		case 13:
			h.Positive.Counts, err = unpack(h.Positive.Counts, &r, wireFixed64, float)
		case 16:
			h.CustomValues, err = unpack(h.CustomValues, &r, wireFixed64, float)
		}
		if err != nil {
			return err
		}
	}
}

func (h *NativeHistogram) varint(r *reader) error {
	switch r.number {
	case 1:
		h.Count, h.CountFloat, h.Float = r.value, 0, false
	case 4:
		h.Schema = int32(zigzag(r.value & (1<<32 - 1)))
	case 6:
		h.ZeroCount, h.ZeroCountFloat = r.value, 0
	case 14:
		h.ResetHint = ResetHint(min(uint32(r.value), 255))
	case 15:
		h.Timestamp = int64(r.value)
	case 17:
		h.Start = int64(r.value)
	}
	return r.is(wireVarint)
}

func (h *NativeHistogram) float(r *reader) error {
	switch r.number {
	case 2:
		h.Count, h.CountFloat, h.Float = 0, float(r.value), true
	case 3:
		h.Sum = float(r.value)
	case 5:
		h.ZeroThreshold = float(r.value)
	case 7:
		h.ZeroCount, h.ZeroCountFloat = 0, float(r.value)
	}
	return r.is(wireFixed64)
}

func span(spans []Span, field *reader) ([]Span, error) {
	if err := field.is(wireBytes); err != nil {
		return spans, err
	}
	var s Span
	r := reader{data: field.content()}
	for {
		more, err := r.next()
		if err != nil {
			return spans, err
		}
		if !more {
			return append(spans, s), nil
		}
		switch r.number {
		case 1:
			s.Offset = int32(zigzag(r.value & (1<<32 - 1)))
			err = r.is(wireVarint)
		case 2:
			s.Length = uint32(r.value)
			err = r.is(wireVarint)
		}
		if err != nil {
			return spans, err
		}
	}
}
