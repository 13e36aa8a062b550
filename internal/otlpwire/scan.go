// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"cmp"
	"encoding/binary"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
	"github.com/otelcol-tenant/otelcol-tenant/internal/validtext"
)

// scan walks a request that is to be edited. It counts what [CheckProto] counts, and plans
// the edits. It ends at the first thing that is odd, malformed or beyond a limit.
//
// Its methods return false at such an end. Those that return a position return -1.
type scan struct {
	meter
	data   []byte
	rules  EditRules
	letter byte // the first of rules.Key
	edits  edits
	odd    Oddity

	marks         [numMarks]int32 // behind the tag of a field; 0: it does not occur
	resource      bool            // the resources that are open have a resource
	metrics       int
	dataOfMetrics int // the metrics that have data
	delta         bool
	invalidSpans  bool
}

func (s *scan) start(data []byte, rules EditRules) {
	s.edits.reset()
	*s = scan{meter: newMeter(rules.Limits), data: data, rules: rules, edits: s.edits, odd: OddEncoding}
	if rules.Key != "" {
		s.letter = rules.Key[0]
	}
}

// release forgets the request.
func (s *scan) release() {
	s.data, s.rules = nil, EditRules{}
	s.edits.release()
}

// request walks the whole request.
func (s *scan) request(root messageID) bool {
	var lists slots
	return s.message(&messages[root], 0, len(s.data), 0, &lists, 0) && s.elements|s.memory >= 0
}

func (s *scan) fail(why Oddity) bool {
	s.odd = why
	return false
}

// message walks the message m, which is data[pos:end], at this depth of values. Its lists
// are in lists from slot base on.
//
// This is the hot loop of [Edit.Run]. It keeps what it counts in variables, because each
// change of a field waits for the one before it.
func (s *scan) message(m *message, pos, end, depth int, lists *slots, base uint8) bool {
	var (
		data     = s.data[:end]
		seen     uint32
		memory   int64
		elements int64
		fresh    slots // of one element; in the loop it would be on the heap
	)
	for pos < len(data) {
		f := &m.scan[data[pos]>>3]
		if data[pos] != f.tag || seen&f.bit != 0 {
			return s.oddField(m, f, pos, end)
		}
		pos++
		seen |= f.bit
		s.marks[f.mark%numMarks] = int32(pos) //nolint:gosec // below maxEdited
		memory += int64(f.alloc)
		switch f.op {
		case scanNumber:
			if pos < len(data) && data[pos] < 0x80 {
				pos++
			} else if pos = s.longNumber(f.size, pos, end); pos < 0 {
				return false
			}
			continue
		case scanFixed:
			if pos += int(f.size); pos > len(data) {
				return false
			}
			continue
		case scanLong:
			if pos+int(f.size) >= len(data) || data[pos] != f.next {
				return s.oddField(m, f, pos-1, end)
			}
			pos += 1 + int(f.size)
			continue
		case scanNothing:
			return s.oddField(m, f, pos-1, end)
		}

		var start int
		if pos < len(data) && data[pos] < 0x80 {
			start, pos = pos+1, pos+1+int(data[pos])
		} else if start, pos = s.length(pos, end); pos < 0 {
			return false
		}
		if pos > len(data) {
			return false
		}
		switch f.op {
		case scanText:
			memory += copySize(pos - start)
			if !validtext.Bytes(data[start:pos]) {
				return s.fail(OddText)
			}
			continue
		case scanBytes:
			memory += blockSize(int64(pos - start))
			continue
		case scanID:
			if pos != start && pos-start != int(f.size) {
				return false
			}
			continue
		case scanAttribute:
			elements++
			memory += lists.at(base + f.slot).add(keyValueSize)
			if elements > s.elements || memory > s.memory {
				return false
			}
			if key, size, ok := s.plainAttribute(data[start:pos]); ok {
				memory += size
				// Nearly every key ends at its first letter.
				if f.role == roleAttributes && len(key) > 0 && key[0] == s.letter && lookalike.Is(key, s.rules.Key) {
					return s.fail(OddKey)
				}
				continue
			}
		case scanValue:
			if size, ok := s.plainValue(data[start:pos]); ok {
				memory += size
				continue
			}
		case scanTexts:
			elements++
			memory += lists.at(base+f.slot).add(stringSize) + copySize(pos-start)
			if !validtext.Bytes(data[start:pos]) {
				return s.fail(OddText)
			}
			continue
		case scanDoubles:
			if (pos-start)%numberSize != 0 {
				return false
			}
			memory += lists.at(base+f.slot).set(int64(pos-start)/numberSize, numberSize)
			continue
		case scanVarints:
			if !s.varints(start, pos, lists.at(base+f.slot)) {
				return false
			}
			continue
		case scanMessage:
			if f.entry != 0 {
				elements++
				memory += lists.at(base + f.slot).add(int64(f.entry))
			}
		}

		// A message that needs more than the above.
		s.memory -= memory
		s.elements -= elements
		if s.elements|s.memory < 0 {
			return false
		}
		memory, elements = 0, 0
		ok := false
		switch f.op {
		case scanAttribute:
			ok = s.attribute(f, start, pos, depth)
		case scanMessage:
			fresh = slots{}
			ok = s.child(f, start, pos, depth, &fresh, 0)
		default:
			ok = s.child(f, start, pos, depth, lists, base+f.slot)
		}
		if !ok {
			return false
		}
	}
	s.memory -= memory
	s.elements -= elements
	return true
}

// child walks data[start:end], which is a message in the field f of a message at this depth,
// and applies the role of f.
func (s *scan) child(f *scanField, start, end, depth int, lists *slots, base uint8) bool {
	m := &messages[f.child]
	switch f.role {
	case roleResources:
		return s.resources(m, start, end, lists)
	case roleResource:
		s.resource = true
		return s.message(m, start, end, depth, lists, base) && s.editResource(start, end)
	case roleScopes:
		s.marks = [numMarks]int32{}
		s.edits.begin(start, end)
		ok := s.message(m, start, end, depth, lists, base)
		s.edits.end()
		return ok
	case roleMetric:
		s.marks = [numMarks]int32{}
		s.metrics++
	case roleReplace:
		s.dataOfMetrics++
		if !s.message(m, start, end, depth, lists, base) {
			return false
		}
		if f.child == sum || f.child == histogram || f.child == exponentialHistogram {
			s.delta = s.delta || s.number(markTemporality) != cumulative
		}
		return true
	case roleRecord:
		s.records++
		return s.record(f, m, start, end, depth, lists)
	case roleNest:
		if depth++; depth > s.maxDepth {
			return false
		}
		s.depth = max(s.depth, depth)
	}
	return s.message(m, start, end, depth, lists, base)
}

// resources walks a resource with its records.
func (s *scan) resources(m *message, start, end int, lists *slots) bool {
	s.marks = [numMarks]int32{}
	s.resource = false
	s.edits.begin(start, end)
	ok := s.message(m, start, end, 0, lists, 0) && (s.resource || s.addResource(end))
	s.edits.end()
	return ok
}

// record walks a log record, a data point or a span.
func (s *scan) record(f *scanField, m *message, start, end, depth int, lists *slots) bool {
	temporality := s.marks[markTemporality] // of the metric of a data point
	s.marks = [numMarks]int32{}
	if !s.message(m, start, end, depth, lists, 0) {
		return false
	}
	switch f.child {
	case logRecord:
		return !s.rules.Severities || s.severity(start, end)
	case span:
		s.invalidSpans = s.invalidSpans || !s.identified(markTraceID) || !s.identified(markSpanID)
	default:
		s.marks[markTemporality] = temporality
	}
	return true
}

// identified reports whether the last ID with this mark is neither missing nor zero.
func (s *scan) identified(m mark) bool {
	at := int(s.marks[m])
	if at == 0 {
		return false
	}
	var any byte
	for _, b := range s.data[at+1 : at+1+int(s.data[at])] {
		any |= b
	}
	return any != 0
}

// cumulative is the temporality of totals.
const cumulative = 2

// number returns the last number with this mark, or 0.
func (s *scan) number(m mark) uint64 {
	at := s.marks[m]
	if at == 0 {
		return 0
	}
	n, _ := binary.Uvarint(s.data[at:])
	return n
}

// time returns the last time with this mark, or 0.
func (s *scan) time(m mark) uint64 {
	at := s.marks[m]
	if at == 0 {
		return 0
	}
	return binary.LittleEndian.Uint64(s.data[at:])
}

// newest returns the time of the last record of the request.
func (s *scan) newest() uint64 { return cmp.Or(s.time(markObserved), s.time(markTime)) }

// attribute walks the attribute data[start:end] in a list in the field f.
func (s *scan) attribute(f *scanField, start, end, depth int) bool {
	var fresh slots
	if !s.message(&messages[keyValue], start, end, depth, &fresh, 0) {
		return false
	}
	if f.role == roleAttributes {
		if key, _ := readAttribute(s.data[start:end]); lookalike.Is(key, s.rules.Key) {
			return s.fail(OddKey)
		}
	}
	return true
}

// oddField finds why the field at this position must not be there. f is the field that has the
// same upper bits in its tag.
func (s *scan) oddField(m *message, f *scanField, pos, end int) bool {
	w := protoWalker{data: s.data}
	number, wire, next, err := w.tag(pos, end)
	if err != nil {
		return false // malformed
	}
	switch {
	case number == deprecatedField && m.fields[0].kind != kindUnknown:
		return s.fail(OddDeprecated)
	case number > lastField || m.fields[number].kind == kindUnknown:
		return s.fail(OddUnknown)
	case m.fields[number].role == roleIndex:
		return s.fail(OddIndex)
	case s.data[pos] == f.tag && next-pos == 1+int(min(f.next, 1)) && wire == f.tag&7:
		return s.fail(OddRepeated)
	}
	return false // another wire type, a tag that is too long, or a list that is not packed
}
