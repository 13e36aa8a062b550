// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxWindow is the largest window that a frame may announce, as for the zstd command. It
	// needs no extra memory: the decoder uses its output as the window.
	maxWindow = 128 << 20

	maxZstdBlock = 128 << 10

	// zstdSlack is the free space that the decoder needs after the last byte, because it
	// copies in steps.
	zstdSlack = 32
)

var errZstd = errors.New("the frame cannot be read")

// zstdSize returns the largest size to which data can decompress. It reads only the headers of
// frames and blocks. Encoders fill blocks of 128 KiB, so the result is close to the real size.
// zstdSize finds truncated frames and wrong sizes without allocating a buffer.
func zstdSize(data []byte) (size int64, err error) {
	for len(data) > 0 {
		var header zstd.Header
		if err := header.Decode(data); err != nil {
			return 0, err
		}
		if header.Skippable {
			n := header.HeaderSize + int(header.SkippableSize)
			if n > len(data) {
				return 0, errZstd
			}
			data = data[n:]
			continue
		}
		if header.WindowSize > maxWindow {
			return 0, zstd.ErrWindowSizeExceeded
		}
		frame, rest, err := blocksSize(data[header.HeaderSize:], maxZstdBlock)
		if err != nil {
			return 0, err
		}
		if header.HasFCS {
			if header.FrameContentSize > uint64(frame) {
				return 0, errZstd
			}
			frame = int64(header.FrameContentSize)
		}
		if header.HasCheckSum {
			if len(rest) < 4 {
				return 0, errZstd
			}
			rest = rest[4:]
		}
		size += frame
		data = rest
	}
	return size, nil
}

// blocksSize returns the largest size to which the blocks of a frame can decompress, if a block
// has at most most bytes, and the data after the blocks.
func blocksSize(data []byte, most int64) (size int64, rest []byte, err error) {
	const raw, rle, compressed = 0, 1, 2
	for {
		if len(data) < 3 {
			return 0, nil, errZstd
		}
		header := uint32(binary.LittleEndian.Uint16(data)) | uint32(data[2])<<16
		data = data[3:]
		n := int(header >> 3)
		if n > maxZstdBlock {
			return 0, nil, errZstd
		}
		stored := n
		switch header >> 1 & 3 {
		case raw:
			size += int64(n)
		case rle:
			size += int64(n)
			stored = 1
		case compressed:
			size += most
		default:
			return 0, nil, errZstd
		}
		if stored > len(data) {
			return 0, nil, errZstd
		}
		data = data[stored:]
		if header&1 == 1 {
			return size, data, nil
		}
	}
}
