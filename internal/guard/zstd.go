package guard

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxWindow is the largest window that a frame may announce, as for the zstd
	// command. It is not allocated: what is decoded is the window.
	maxWindow = 128 << 20

	maxZstdBlock = 128 << 10

	// zstdSlack is what the decoder wants to have behind the last byte, so that it may
	// copy in steps.
	zstdSlack = 32
)

var errZstd = errors.New("the frame cannot be read")

// zstdSize returns the most that data can decode to. It reads the heads of frames
// and blocks alone. Full blocks have 128 KiB, so that it is close to the truth for
// what encoders write, and what is not complete or lies about its size is found
// without a buffer.
func zstdSize(data []byte) (size int64, err error) {
	for len(data) > 0 {
		var head zstd.Header
		if err := head.Decode(data); err != nil {
			return 0, err
		}
		if head.Skippable {
			n := head.HeaderSize + int(head.SkippableSize)
			if n > len(data) {
				return 0, errZstd
			}
			data = data[n:]
			continue
		}
		if head.WindowSize > maxWindow {
			return 0, zstd.ErrWindowSizeExceeded
		}
		frame, rest, err := blocksSize(data[head.HeaderSize:], maxZstdBlock)
		if err != nil {
			return 0, err
		}
		if head.HasFCS {
			if head.FrameContentSize > uint64(frame) {
				return 0, errZstd
			}
			frame = int64(head.FrameContentSize)
		}
		if head.HasCheckSum {
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

// blocksSize returns the most that the blocks of a frame can decode to, and what
// follows them.
func blocksSize(data []byte, most int64) (size int64, rest []byte, err error) {
	const raw, rle, compressed = 0, 1, 2
	for {
		if len(data) < 3 {
			return 0, nil, errZstd
		}
		head := uint32(binary.LittleEndian.Uint16(data)) | uint32(data[2])<<16
		data = data[3:]
		n := int(head >> 3)
		if n > maxZstdBlock {
			return 0, nil, errZstd
		}
		held := n
		switch head >> 1 & 3 {
		case raw:
			size += int64(n)
		case rle:
			size += int64(n)
			held = 1
		case compressed:
			size += most
		default:
			return 0, nil, errZstd
		}
		if held > len(data) {
			return 0, nil, errZstd
		}
		data = data[held:]
		if head&1 == 1 {
			return size, data, nil
		}
	}
}

// unzstd decodes one or more frames.
func (r *Request) unzstd(data []byte, limit int64) (*buffer, error) {
	size, err := zstdSize(data)
	if err != nil {
		return nil, err
	}
	unsure := size > limit // small blocks may be less than they could be
	size = min(size, limit)
	if err := r.grown(size); err != nil {
		return nil, err
	}
	b, err := r.buffer(size + zstdSlack)
	if err != nil {
		return nil, err
	}
	out, err := r.guard.decoders.zstd.DecodeAll(data, b.data[:0:size+zstdSlack])
	switch {
	case err != nil && unsure, err == nil && int64(len(out)) > limit:
		return nil, errTooLarge
	case err != nil:
		return nil, err
	}
	b.data = out
	return b, nil
}
