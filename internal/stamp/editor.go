// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"bytes"
	"math"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// editor decides what is stamped in an encoded request, as Stamper decides it for decoded
// data. It is used for one request after another.
type editor struct {
	edit    otlpwire.Edit
	stamper *Stamper
	owner   *Owner
	unclear bool // the owner's keys look like each other
	slow    Slow // why a method returned false
	unknown int  // severities

	attributes []encodedAttribute // of the resource that is edited
}

// maxAttributes bounds the attributes of a resource that is stamped without decoding.
const maxAttributes = 256

func (e *editor) begin(s *Stamper, o *Owner) {
	e.stamper, e.owner, e.slow, e.unknown = s, o, SlowNone, 0
	e.unclear = o.unclear()
}

// end forgets the request.
func (e *editor) end() {
	e.stamper, e.owner = nil, nil
	clear(e.attributes[:cap(e.attributes)])
}

// unclear reports whether one of the attributes looks like another, so that the one that is
// stamped later removes it, or like none because it is empty.
func (o *Owner) unclear() bool {
	if o.Identity.Key == "" {
		return true
	}
	for i, a := range o.Attributes {
		if a.Key == "" || lookalike.Is(a.Key, o.Identity.Key) || lookalike.Is(o.Identity.Key, a.Key) {
			return true
		}
		for _, b := range o.Attributes[:i] {
			if lookalike.Is(a.Key, b.Key) || lookalike.Is(b.Key, a.Key) {
				return true
			}
		}
	}
	return false
}

func (e *editor) refuse(why Slow) bool {
	e.slow = why
	return false
}

// Resource implements otlpwire.Editor. It is what Stamper.resource is for decoded data.
func (e *editor) Resource(m otlpwire.Attributes, dst []byte) ([]byte, bool) {
	if e.unclear {
		return dst, e.refuse(SlowIdentity)
	}
	e.attributes = e.attributes[:0]
	for key, value := range m.All() {
		if len(e.attributes) == maxAttributes { // an attribute of two bytes would need memory that no limit counts
			return dst, e.refuse(SlowMany)
		}
		e.attributes = append(e.attributes, encodedAttribute{key, value})
	}
	r := resourceEditor{editor: e, dst: dst}
	ok := r.stamp(e.owner.Identity, SlowIdentity)
	for i := range e.owner.Attributes {
		ok = ok && r.stamp(e.owner.Attributes[i], SlowResource)
	}
	return r.dst, ok && r.fill()
}

// Severity implements otlpwire.Editor. It is what normalizeSeverity is for decoded data.
func (e *editor) Severity(r otlpwire.LogRecord) (number int32, text string, ok bool) {
	if word := severity.Name(plog.SeverityNumber(r.Number)); word != "" {
		return r.Number, word, true
	}
	if r.Number != 0 {
		return 0, "", e.refuse(SlowSeverity) // it would be removed, or replaced
	}
	named := false
	if len(r.Text) > 0 {
		if n, ok := fromText(r.Text); ok {
			return int32(n), severity.Name(n), true
		}
		named = len(bytes.TrimSpace(r.Text)) > 0
	}
	if n, namedHere := findLevel(r.Attributes); n != 0 {
		return int32(n), severity.Name(n), true
	} else if named || namedHere {
		e.unknown++
	}
	return 0, "", true
}

// findLevel returns the first severity that is known of the attributes with one, in the order
// of severityKeys. named reports whether there is any such attribute.
func findLevel(m otlpwire.Attributes) (n plog.SeverityNumber, named bool) {
	var levels [len(severityKeys)]struct {
		value otlpwire.Value
		found bool
	}
	for key, v := range m.All() {
		for i := range severityKeys {
			if string(key) == severityKeys[i] && !levels[i].found {
				levels[i].value, levels[i].found = v, true
			}
		}
	}
	for i := range levels {
		if !levels[i].found {
			continue
		}
		if n, ok := levelOf(levels[i].value); ok {
			return n, true
		}
		named = true
	}
	return 0, named
}

// levelOf is severityOf for an encoded value.
func levelOf(v otlpwire.Value) (plog.SeverityNumber, bool) {
	if text, ok := v.Text(); ok {
		return fromText(text)
	}
	if n, ok := v.Int(); ok {
		return severity.FromLevel(float64(n))
	}
	if bits, ok := v.Double(); ok {
		return severity.FromLevel(math.Float64frombits(bits))
	}
	return 0, false
}

// fromText is severity.FromText, and does not copy a text that is too long for a severity.
func fromText(text []byte) (plog.SeverityNumber, bool) {
	if len(text) > severity.LongestText {
		return 0, false
	}
	return severity.FromText(string(text))
}
