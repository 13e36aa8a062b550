// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import "encoding/binary"

// editResource adds to the resource data[start:end].
func (s *scan) editResource(start, end int) bool {
	if !s.askResource(Attributes{s.data[start:end], tagResourceAttributes}) {
		return false
	}
	if len(s.edits.text) > 0 {
		s.edits.change(start, end, end, end)
	}
	return s.bounded(end)
}

// addResource adds a resource at this position.
func (s *scan) addResource(at int) bool {
	if !s.askResource(Attributes{}) {
		return false
	}
	e := &s.edits
	if len(e.text) == 0 {
		return true
	}
	var head [1 + maxVarint]byte
	head[0] = tagResource
	n := 1 + binary.PutUvarint(head[1:], uint64(len(e.text)))
	e.reserve()
	e.replace(at, at, head[:n])
	e.replace(at, at, e.text)
	e.grown(n + len(e.text))
	return s.bounded(at)
}

// askResource asks the editor for the attributes that are added to a resource.
func (s *scan) askResource(resource Attributes) bool {
	out, ok := s.rules.Editor.Resource(resource, s.edits.text[:0])
	if s.edits.text = out; !ok {
		return s.fail(OddRefused)
	}
	return true
}

// bounded reports whether the plan is as small as it must be at this position, and lets it grow.
func (s *scan) bounded(at int) bool {
	if s.edits.many(at) {
		return s.fail(OddMany)
	}
	s.edits.prepare(at, len(s.data))
	return true
}

// severity edits the severity of the log record data[start:end].
func (s *scan) severity(start, end int) bool {
	r := LogRecord{Number: int32(s.number(markSeverityNumber)), Attributes: Attributes{s.data[start:end], tagRecordAttributes}} //nolint:gosec // as pdata does
	at := int(s.marks[markSeverityText])
	textEnd := at
	if at > 0 {
		size, n := binary.Uvarint(s.data[at:end])
		textEnd = at + n + int(size) //nolint:gosec // below maxEdited
		r.Text = s.data[at+n : textEnd]
	}
	number, text, ok := s.rules.Editor.Severity(r)
	if !ok {
		return s.fail(OddRefused)
	}
	edited := s.edits.text[:0]
	switch same := string(r.Text) == text; {
	case text == "" || same && number == r.Number:
		return true
	case number == r.Number && at > 0:
		edited = append(append(edited, byte(len(text))), text...)
	case number == r.Number:
		at = int(s.marks[markSeverityNumber]) + 1
		textEnd = at
		edited = append(append(edited, tagSeverityText, byte(len(text))), text...)
	case s.marks[markSeverityNumber] > 0:
		return false // a number of zero, which no SDK writes, would have to be replaced too
	case at > 0:
		edited = append(append(append(edited, byte(len(text))), text...), tagSeverityNumber, byte(number)) //nolint:gosec // 1 to 24
	default:
		at, textEnd = end, end
		edited = append(append(edited, tagSeverityNumber, byte(number), tagSeverityText, byte(len(text))), text...) //nolint:gosec // 1 to 24
	}
	s.edits.text = edited
	s.edits.change(start, end, at, textEnd)
	return s.bounded(end)
}
