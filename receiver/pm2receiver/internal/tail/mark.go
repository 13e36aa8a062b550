package tail

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// sampleSize is how much of a file's beginning, and of what lies before the
// frontier, is kept to know the file again.
const sampleSize = 512

// Mark is how far a file has been read and how to know it again: by its inode while
// it keeps it, by its content when it was copied, and never by its name alone.
type Mark struct {
	// ID names the content of the file: it is new when the file is truncated and
	// the same in a copy. 0 if nothing has been read.
	ID uint64 `json:"id,omitempty"`
	// Name is where the file was last seen.
	Name   string `json:"name"`
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Offset is the frontier: everything before it has been accepted.
	Offset int64 `json:"offset"`
	// Head is the beginning of what was read, at most sampleSize bytes.
	Head []byte `json:"head,omitempty"`
	// Guard is the digest of the last min(sampleSize, Offset) bytes before Offset.
	Guard uint64 `json:"guard,omitempty"`
	// Samples are older guards, fewer the farther back. They tell a copy that ends
	// before the frontier.
	Samples []Sample `json:"samples,omitempty"`
	// Copy is set for a rotated copy, which is read to its end and left.
	Copy bool `json:"copy,omitempty"`
	// Away is set for a file that was not to be found when the reader started.
	Away bool `json:"away,omitempty"`
}

// Sample is the digest of the last min(sampleSize, Offset) bytes before Offset.
type Sample struct {
	Offset int64  `json:"offset"`
	Sum    uint64 `json:"sum"`
}

// maxSamples bounds the samples of a file. When there are so many every second one
// is given up.
const maxSamples = 24

// guardLen is how many bytes before the frontier the guard covers.
func (m *Mark) guardLen() int { return int(min(sampleSize, m.Offset)) }

// advance moves the frontier over block. before holds the guardLen bytes that stand
// before it.
func (m *Mark) advance(before, block []byte) {
	if len(m.Head) < sampleSize && m.Offset == int64(len(m.Head)) {
		m.Head = append(bytes.Clone(m.Head), block[:min(len(block), sampleSize-len(m.Head))]...)
	}
	if m.Offset > 0 {
		m.Samples = thin(append(slices.Clip(m.Samples), Sample{m.Offset, m.Guard}))
	}
	m.Offset += int64(len(block))
	if len(block) >= sampleSize {
		m.Guard = xxhash.Sum64(block[len(block)-sampleSize:])
		return
	}
	window := append(bytes.Clone(before), block...)
	m.Guard = xxhash.Sum64(window[max(0, len(window)-sampleSize):])
}

// pass moves the frontier over n NULs, at least a block of them. before holds the
// guardLen bytes that stand before it.
func (m *Mark) pass(before []byte, n int64) {
	m.advance(before, noBytes[:])
	m.Offset += n - blockSize
}

// continues says whether r still holds what was read before the frontier.
func (m *Mark) continues(r io.ReaderAt) (bool, error) {
	if m.Offset == 0 {
		return true, nil
	}
	head := make([]byte, len(m.Head))
	if ok, err := readFull(r, head, 0); !ok {
		return false, err
	}
	if !bytes.Equal(head, m.Head) {
		return false, nil
	}
	guard := make([]byte, m.guardLen())
	if ok, err := readFull(r, guard, m.Offset-int64(len(guard))); !ok {
		return false, err
	}
	return xxhash.Sum64(guard) == m.Guard, nil
}

// bare returns the mark without anything of the content.
func (m Mark) bare() Mark {
	m.Head = nil
	return m
}

// isBare says whether the mark knows the content by digests alone.
func (m *Mark) isBare() bool { return len(m.Head) == 0 && m.Offset > 0 }

// recall gives a bare mark the beginning of the file again, which r continues.
func (m *Mark) recall(r io.ReaderAt) error {
	if !m.isBare() {
		return nil
	}
	head := make([]byte, min(sampleSize, m.Offset))
	if ok, err := readFull(r, head, 0); !ok {
		return err
	}
	m.Head = head
	return nil
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

// kinship is how a file is related to what was read under a mark.
type kinship int

const (
	// unrelated files hold something else.
	unrelated kinship = iota
	// unclear files are too short to tell.
	unclear
	// covered files hold nothing that was not read.
	covered
	// longer files hold what was read and something behind it.
	longer
)

// compare tells how the file r of size bytes is related to m.
func (m *Mark) compare(r io.ReaderAt, size int64) (kinship, error) {
	head := make([]byte, min(int64(len(m.Head)), size))
	if ok, err := readFull(r, head, 0); !ok {
		return unclear, err
	}
	if !bytes.HasPrefix(m.Head, head) {
		return unrelated, nil
	}
	if len(head) < len(m.Head) || len(head) == 0 && !m.isBare() {
		return unclear, nil
	}
	at := Sample{m.Offset, m.Guard}
	for i := len(m.Samples) - 1; at.Offset > size && i >= 0; i-- {
		at = m.Samples[i]
	}
	switch {
	case at.Offset > size && m.isBare():
		return unclear, nil
	case at.Offset > size:
		return covered, nil // the head is all there is to go by
	}
	tail := make([]byte, min(sampleSize, at.Offset))
	if ok, err := readFull(r, tail, at.Offset-int64(len(tail))); !ok {
		return unclear, err
	}
	switch {
	case xxhash.Sum64(tail) != at.Sum:
		return unrelated, nil
	case size > m.Offset:
		return longer, nil
	}
	return covered, nil
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

// identify gives the content that begins with line an ID. It is the same in another
// process if path and count are.
func identify(path string, count uint64, line []byte) uint64 {
	d := xxhash.New()
	_, _ = d.WriteString(path)
	_, _ = d.Write([]byte{0, byte(count), byte(count >> 8), byte(count >> 16), byte(count >> 24)})
	_, _ = d.Write(line[:min(len(line), sampleSize)])
	return max(d.Sum64(), 1)
}
