// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"strings"
	"unicode/utf8"
)

// sizeOfChunk is how many bytes of texts are allocated at a time.
const sizeOfChunk = 16 << 10

// texts are those of a message of 1.0, in which each series has all of its labels. Most of
// them are those of the series before.
type texts struct {
	reserve func(n int64) error
	chunk   *strings.Builder
	before  []Label // of the series before, in the order of the message
	n       int     // labels of this series
}

// begin begins a series.
func (t *texts) begin() { t.n = 0 }

// likely returns the label that the next one of the series probably is.
func (t *texts) likely() Label {
	if t.n < len(t.before) {
		return t.before[t.n]
	}
	return Label{}
}

// add adds a label of the series.
func (t *texts) add(l Label) {
	switch {
	case t.n < len(t.before):
		t.before[t.n] = l
	case t.n < MaxLabels:
		t.before = append(t.before, l)
	}
	t.n++
}

// of returns content as a text, which is likely if they are equal.
func (t *texts) of(content []byte, likely string) (string, error) {
	switch {
	case string(content) == likely:
		return likely, nil
	case !utf8.Valid(content):
		return "", errUTF8
	case t.chunk == nil || t.chunk.Cap()-t.chunk.Len() < len(content):
		size := max(sizeOfChunk, len(content))
		if err := t.reserve(int64(size)); err != nil {
			return "", err
		}
		t.chunk = new(strings.Builder)
		t.chunk.Grow(size)
	}
	// The chunk does not grow any more, so that all of its texts share its memory.
	from := t.chunk.Len()
	t.chunk.Write(content)
	return t.chunk.String()[from:], nil
}
