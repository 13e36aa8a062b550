// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package fingerprint recognizes the content of a file that was read up to an offset, also in
// a copy of the file, without keeping that content.
package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"
)

const (
	// SampleSize is how many bytes at the beginning of a file, and before each sampled
	// offset, a fingerprint covers.
	SampleSize = 512
	// MinSkip is the least number of NULs that [Fingerprint.Skip] accepts.
	MinSkip = 64 << 10
	// maxSamples bounds the samples of a fingerprint. When it is reached, every second one
	// is removed.
	maxSamples = 24
)

var zeros [MinSkip]byte

// Fingerprint is how far a file was read, and what was read, in digests. The zero value is
// that of a file that was not read yet. It is stored as part of a checkpoint.
type Fingerprint struct {
	// Offset is the end of what was read, in bytes.
	Offset int64 `json:"offset"`
	// Head is the beginning of what was read, at most SampleSize bytes.
	Head []byte `json:"head,omitempty"`
	// Digest is that of the last min(SampleSize, Offset) bytes before Offset.
	Digest uint64 `json:"guard,omitempty"`
	// Samples are earlier values of Offset and Digest, fewer the earlier. They recognize a
	// copy that ends before Offset.
	Samples []Sample `json:"samples,omitempty"`
}

// Sample is the digest of the last min(SampleSize, Offset) bytes before Offset.
type Sample struct {
	Offset int64  `json:"offset"`
	Digest uint64 `json:"sum"`
}

// Validate returns an error for values that no reading produces. A damaged checkpoint may have
// them, and the other methods may not be called on them.
func (f *Fingerprint) Validate() error {
	if f.Offset < 0 {
		return fmt.Errorf("offset %d is negative", f.Offset)
	}
	if len(f.Head) > f.Window() {
		return fmt.Errorf("%d bytes at the beginning of a file that was read up to offset %d", len(f.Head), f.Offset)
	}
	if len(f.Samples) > maxSamples {
		return fmt.Errorf("%d samples, at most %d", len(f.Samples), maxSamples)
	}
	last := int64(0)
	for _, sample := range f.Samples {
		if sample.Offset <= last || sample.Offset > f.Offset {
			return fmt.Errorf("sample at offset %d, after one at %d and before the end at %d", sample.Offset, last, f.Offset)
		}
		last = sample.Offset
	}
	return nil
}

// At returns the fingerprint of what r holds before offset. It reports false if r ends
// before offset.
func At(r io.ReaderAt, offset int64) (f Fingerprint, ok bool, err error) {
	if offset == 0 {
		return Fingerprint{}, true, nil
	}
	f = Fingerprint{Offset: offset, Head: make([]byte, min(SampleSize, offset))}
	if ok, err := readFull(r, f.Head, 0); !ok {
		return Fingerprint{}, false, err
	}
	before := make([]byte, f.Window())
	if ok, err := readFull(r, before, offset-int64(len(before))); !ok {
		return Fingerprint{}, false, err
	}
	f.Digest = xxhash.Sum64(before)
	return f, true, nil
}

// Window returns how many bytes before Offset the digest covers.
func (f *Fingerprint) Window() int { return int(min(SampleSize, f.Offset)) }

// Follows reports whether before, the Window bytes that a file holds before Offset, are
// those that were read.
func (f *Fingerprint) Follows(before []byte) bool {
	return len(before) == f.Window() && (len(before) == 0 || xxhash.Sum64(before) == f.Digest)
}

// Advance adds block, which was read at Offset, to the fingerprint. before holds the Window
// bytes before it.
func (f *Fingerprint) Advance(before, block []byte) {
	if len(f.Head) < SampleSize && f.Offset == int64(len(f.Head)) {
		f.Head = append(bytes.Clone(f.Head), block[:min(len(block), SampleSize-len(f.Head))]...)
	}
	if f.Offset > 0 {
		f.Samples = thin(append(slices.Clip(f.Samples), Sample{f.Offset, f.Digest}))
	}
	f.Offset += int64(len(block))
	if len(block) >= SampleSize {
		f.Digest = xxhash.Sum64(block[len(block)-SampleSize:])
		return
	}
	window := append(bytes.Clone(before), block...)
	f.Digest = xxhash.Sum64(window[max(0, len(window)-SampleSize):])
}

// Skip adds n NULs, at least MinSkip, to the fingerprint.
func (f *Fingerprint) Skip(n int64) {
	f.Advance(nil, zeros[:]) // more than a window: the bytes before do not matter
	f.Offset += n - MinSkip
}

// Matches reports whether r still holds what was read before Offset.
func (f *Fingerprint) Matches(r io.ReaderAt) (bool, error) {
	if f.Offset == 0 {
		return true, nil
	}
	head := make([]byte, len(f.Head))
	if ok, err := readFull(r, head, 0); !ok {
		return false, err
	}
	if !bytes.Equal(head, f.Head) {
		return false, nil
	}
	before := make([]byte, f.Window())
	if ok, err := readFull(r, before, f.Offset-int64(len(before))); !ok {
		return false, err
	}
	return f.Follows(before), nil
}

// WithoutContent returns the fingerprint with digests only.
func (f Fingerprint) WithoutContent() Fingerprint {
	f.Head = nil
	return f
}

// hasContent reports whether the fingerprint has the bytes at the beginning of the file.
func (f *Fingerprint) hasContent() bool { return len(f.Head) > 0 || f.Offset == 0 }

// RestoreContent undoes [Fingerprint.WithoutContent]: it reads the beginning of the file
// again from r, which must match.
func (f *Fingerprint) RestoreContent(r io.ReaderAt) error {
	if f.hasContent() {
		return nil
	}
	head := make([]byte, min(SampleSize, f.Offset))
	if ok, err := readFull(r, head, 0); !ok {
		return err
	}
	f.Head = head
	return nil
}

// Compare returns how r, a file with size bytes of content, relates to what was read.
func (f *Fingerprint) Compare(r io.ReaderAt, size int64) (Relation, error) {
	head := make([]byte, min(int64(len(f.Head)), size))
	if ok, err := readFull(r, head, 0); !ok {
		return Unclear, err
	}
	if !bytes.HasPrefix(f.Head, head) {
		return Unrelated, nil
	}
	if len(head) < len(f.Head) || len(head) == 0 && f.hasContent() {
		return Unclear, nil
	}
	at := Sample{f.Offset, f.Digest}
	for i := len(f.Samples) - 1; at.Offset > size && i >= 0; i-- {
		at = f.Samples[i]
	}
	switch {
	case at.Offset > size && !f.hasContent():
		return Unclear, nil
	case at.Offset > size:
		return Covered, nil // only the beginning can be compared
	}
	before := make([]byte, min(SampleSize, at.Offset))
	if ok, err := readFull(r, before, at.Offset-int64(len(before))); !ok {
		return Unclear, err
	}
	switch {
	case xxhash.Sum64(before) != at.Digest:
		return Unrelated, nil
	case size > f.Offset:
		return Longer, nil
	}
	return Covered, nil
}

// Beginning returns the first n bytes of r, at most SampleSize. It reports false if r is
// shorter.
func Beginning(r io.ReaderAt, n int64) (b []byte, ok bool, err error) {
	b = make([]byte, min(SampleSize, n))
	ok, err = readFull(r, b, 0)
	return b, ok, err
}

func thin(samples []Sample) []Sample {
	if len(samples) < maxSamples {
		return samples
	}
	kept := make([]Sample, 0, maxSamples)
	for i := 1; i < len(samples); i += 2 {
		kept = append(kept, samples[i])
	}
	return kept
}

// readFull reads len(b) bytes and reports false if the file ends before.
func readFull(r io.ReaderAt, b []byte, offset int64) (bool, error) {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return true, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return false, nil
	}
	return false, err
}
