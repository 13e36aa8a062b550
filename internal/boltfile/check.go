// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

const (
	magic      = 0xED0CDAED
	version    = 2
	noFreelist = ^uint64(0)

	headerSize  = 16 // of a page
	metaSize    = 64 // without its header
	elementSize = 16 // of an element of a branch or leaf page
	bucketSize  = 16 // of a bucket without its content

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01

	smallestPage = 1 << 10
	largestPage  = 16 << 20
	maxDepth     = 64
	maxKey       = 32768
)

// order is the byte order of the file: that of the machine that wrote it.
var order = binary.NativeEndian

// ErrDamaged is wrapped by all errors of [Check] except those of reading. file_storage must not open such a
// file.
var ErrDamaged = errors.New("damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// meta is a meta page. A file has two of them; they refer to everything else.
type meta struct {
	pageSize  int64
	root      uint64
	freelist  uint64
	highWater uint64 // number of pages that were ever used
	txid      uint64
}

func parseMeta(b []byte) (m meta, ok bool) {
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8])
	if order.Uint32(b) != magic || order.Uint32(b[4:]) != version || order.Uint64(b[metaSize-8:]) != sum.Sum64() {
		return m, false
	}
	return meta{
		pageSize: int64(order.Uint32(b[8:])),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), highWater: order.Uint64(b[40:]), txid: order.Uint64(b[48:]),
	}, true
}

// Check walks through the pages of a file of size bytes, without the values, and returns what is wrong
// with them, or nil. An empty file is not damaged: bbolt initializes it. Check reports oneHead if one of
// the two meta pages is damaged, which bbolt tolerates. If that was the newer one, the last transaction is
// lost.
func Check(r io.ReaderAt, size int64) (oneHead bool, err error) {
	if size == 0 {
		return false, nil
	}
	m, oneHead, err := findMeta(r, size)
	if err != nil {
		return false, err
	}
	if m.highWater < 4 || m.highWater > uint64(size/m.pageSize) {
		return false, damaged("the file has %d bytes and should have %d pages of %d", size, m.highWater, m.pageSize)
	}
	c := &checker{r: r, meta: m, used: make([]uint64, m.highWater/64+1)}
	c.mark(0)
	c.mark(1)
	if err := c.freelist(); err != nil {
		return false, err
	}
	return oneHead, c.tree(m.root, bounds{}, 0, c.bucket)
}

// findMeta returns the meta page that bbolt uses: the newer one, or the only valid one.
func findMeta(r io.ReaderAt, size int64) (m meta, alone bool, err error) {
	buf := make([]byte, headerSize+metaSize)
	read := func(at int64) (meta, bool) {
		if at+int64(len(buf)) > size {
			return meta{}, false
		}
		if _, err := r.ReadAt(buf, at); err != nil {
			return meta{}, false
		}
		m, ok := parseMeta(buf[headerSize:])
		return m, ok && m.pageSize >= smallestPage && m.pageSize <= largestPage && m.pageSize&(m.pageSize-1) == 0
	}
	first, ok := read(0)
	if ok {
		second, has := read(first.pageSize)
		if has && second.pageSize != first.pageSize {
			return meta{}, false, damaged("pages of both %d and %d bytes", first.pageSize, second.pageSize)
		}
		if has && second.txid > first.txid {
			return second, false, nil
		}
		return first, !has, nil
	}
	for at := int64(smallestPage); at <= largestPage; at *= 2 {
		if second, has := read(at); has && second.pageSize == at {
			return second, true, nil
		}
	}
	return meta{}, false, damaged("the file does not begin with a meta page of bbolt")
}
