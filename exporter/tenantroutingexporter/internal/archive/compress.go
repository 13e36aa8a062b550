// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// Every append to a compressed file is a separate zstd frame. Concatenated frames are a zstd file,
// and a crash can leave only the last frame incomplete.

const (
	compressedExtension = extension + ".zst"
	zstdWindow          = 1 << 20
	blockHeaderLen      = 3
	blockTypeRLE        = 1
	blockTypeReserved   = 3
	checksumLen         = 4
)

func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow), zstd.WithEncoderConcurrency(2))
}

// newStreamEncoder returns an encoder that compresses block by block, without goroutines.
func newStreamEncoder(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
}

// repairFrames truncates f after its last complete frame and returns its size.
func repairFrames(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size, end := info.Size(), int64(0)
	for end < size {
		n, err := frameLen(io.NewSectionReader(f, end, size-end))
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return end, f.Truncate(end)
		}
		end += n
	}
	return end, nil
}

// frameLen returns the length of the frame at the beginning of r, or 0 if it is incomplete.
func frameLen(r *io.SectionReader) (int64, error) {
	buf := make([]byte, zstd.HeaderMaxSize)
	n, err := r.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	var header zstd.Header
	rest, err := header.DecodeAndStrip(buf[:n])
	if err != nil || header.Skippable {
		return 0, nil //nolint:nilerr // a header that cannot be read is incomplete
	}
	return blocksEnd(r, int64(n-len(rest)), header.HasCheckSum)
}

// blocksEnd returns the end of the blocks that begin at the offset at, including the checksum.
func blocksEnd(r *io.SectionReader, at int64, hasChecksum bool) (int64, error) {
	var buf [4]byte
	for last := false; !last; {
		if n, err := r.ReadAt(buf[:blockHeaderLen], at); n < blockHeaderLen {
			if errors.Is(err, io.EOF) {
				return 0, nil
			}
			return 0, err
		}
		h := binary.LittleEndian.Uint32(buf[:])
		last = h&1 == 1
		length := int64(h >> 3)
		switch h >> 1 & 3 {
		case blockTypeRLE:
			length = 1
		case blockTypeReserved:
			return 0, nil
		}
		at += blockHeaderLen + length
	}
	if hasChecksum {
		at += checksumLen
	}
	if at > r.Size() {
		return 0, nil
	}
	return at, nil
}

// repairLines truncates f after its last line feed and returns its size.
func repairLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(buf)))
		chunk := buf[:end-start]
		if _, err := f.ReadAt(chunk, start); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
			keep := start + int64(i) + 1
			if keep == size {
				return size, nil
			}
			return keep, f.Truncate(keep)
		}
		end = start
	}
	if size > 0 {
		return 0, f.Truncate(0)
	}
	return 0, nil
}
