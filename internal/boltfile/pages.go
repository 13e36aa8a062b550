package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// ErrDamaged means that bbolt must not open the file.
var ErrDamaged = errors.New("damaged file")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// The format of bbolt's files, version 2, in the byte order of the machine. A
// page begins with id (8 bytes), flags (2), count (2) and overflow (4: how many
// pages more it takes).
const (
	magic       = 0xED0CDAED
	version     = 2
	minPageSize = 1 << 10
	maxPageSize = 16 << 20

	pageHeaderLen   = 16
	metaLen         = 64
	metaChecksumAt  = 56
	elementLen      = 16
	bucketHeaderLen = 16

	branchFlag = 0x01
	leafFlag   = 0x02
	bucketFlag = 0x01 // of an element of a leaf: its value is a bucket

	// bucketName is the one bucket of file_storage.
	bucketName = "default"

	// maxDepth is far beyond what a file of any size has.
	maxDepth = 64
)

var order = binary.NativeEndian

// meta is one of the two headers of a file. Transactions write them in turn.
type meta struct {
	pageSize  int64
	root      uint64 // page of the root bucket
	highWater uint64 // pages from this on were never used
	txid      uint64
}

// readMeta returns the header at the offset at, if it is whole.
func readMeta(r io.ReaderAt, at int64) (m meta, ok bool) {
	var buf [pageHeaderLen + metaLen]byte
	if _, err := r.ReadAt(buf[:], at); err != nil {
		return m, false
	}
	b := buf[pageHeaderLen:]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaChecksumAt])
	if order.Uint32(b) != magic || order.Uint32(b[4:]) != version || order.Uint64(b[metaChecksumAt:]) != sum.Sum64() {
		return m, false
	}
	m = meta{
		pageSize: int64(order.Uint32(b[8:])), root: order.Uint64(b[16:]),
		highWater: order.Uint64(b[40:]), txid: order.Uint64(b[48:]),
	}
	return m, m.pageSize >= minPageSize && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
}

// Check walks all pages of the database in r that are in use, as bbolt does
// when it opens one, and returns an ErrDamaged if that would fail, or if there is
// anything but the one bucket that file_storage makes. It reports
// oneHeader if one of the two headers is damaged, which bbolt bears: then the
// last transaction may be missing. It does not read values.
func Check(r io.ReaderAt, size int64) (oneHeader bool, err error) {
	m, both := newest(r, size)
	if m.pageSize == 0 {
		return false, damaged("no header is whole")
	}
	if size < 2*m.pageSize {
		return false, damaged("only %d bytes are left", size)
	}
	w := walker{r: r, size: size, meta: m, seen: make([]uint64, size/m.pageSize/64+1)}
	if err := w.tree(m.root, nil, nil, 0); err != nil {
		return false, err
	}
	if w.bucket == nil {
		return !both, nil // new
	}
	if err := w.content(*w.bucket); err != nil {
		return false, err
	}
	return !both, nil
}

// newest returns the newest header that is whole, and whether both are.
func newest(r io.ReaderAt, size int64) (m meta, both bool) {
	first, ok := readMeta(r, 0)
	if ok {
		second, also := readMeta(r, first.pageSize)
		if also && second.txid > first.txid {
			return second, true
		}
		return first, also
	}
	for at := int64(minPageSize); at <= maxPageSize && at < size; at <<= 1 {
		if second, ok := readMeta(r, at); ok && second.pageSize == at {
			return second, false
		}
	}
	return meta{}, false
}

// walker reads the pages of one transaction.
type walker struct {
	meta meta
	r    io.ReaderAt
	size int64
	seen []uint64         // a bit for each page, to find what is used twice
	bufs [maxDepth][]byte // a page of each level of the tree

	inside bool    // of the bucket
	bucket *bucket // once it was met
}

// bucket is where the header of a bucket lies.
type bucket struct {
	page *page
	at   span
}

// span is a place in a page, counted from its beginning.
type span struct{ at, n int64 }

// page is the part of a page that was read, and how long the whole is.
type page struct {
	id   uint64
	at   int64 // offset in the file
	head []byte
	size int64
}

func (p *page) flags() uint16 { return order.Uint16(p.head[8:]) }
func (p *page) count() int    { return int(order.Uint16(p.head[10:])) }

// see notes that a page is used, and tells whether it was before.
func (w *walker) see(id uint64) (before bool) {
	bit := uint64(1) << (id % 64)
	before = w.seen[id/64]&bit != 0
	w.seen[id/64] |= bit
	return before
}

// page reads the beginning of a page, with all its elements. It is valid until
// another of the same level is read.
func (w *walker) page(id uint64, depth int) (*page, error) {
	if id < 2 || id >= w.meta.highWater || id >= uint64(w.size/w.meta.pageSize) {
		return nil, damaged("page %d is out of bounds", id)
	}
	if w.bufs[depth] == nil {
		w.bufs[depth] = make([]byte, w.meta.pageSize)
	}
	p := &page{id: id, at: int64(id) * w.meta.pageSize, head: w.bufs[depth]}
	if _, err := w.r.ReadAt(p.head, p.at); err != nil {
		return nil, damaged("page %d cannot be read: %w", id, err)
	}
	if self := order.Uint64(p.head); self != id {
		return nil, damaged("page %d says that it is page %d", id, self)
	}
	pages := 1 + uint64(order.Uint32(p.head[12:]))
	p.size = int64(pages) * w.meta.pageSize
	if p.at+p.size > w.size || id+pages > w.meta.highWater {
		return nil, damaged("page %d is cut short", id)
	}
	for i := range pages {
		if w.see(id + i) {
			return nil, damaged("page %d is used twice", id+i)
		}
	}
	elements := int64(pageHeaderLen + p.count()*elementLen)
	if elements > p.size {
		return nil, damaged("page %d has no room for %d elements", id, p.count())
	}
	if elements > int64(len(p.head)) {
		p.head = make([]byte, elements)
		if _, err := w.r.ReadAt(p.head, p.at); err != nil {
			return nil, damaged("page %d cannot be read: %w", id, err)
		}
	}
	return p, nil
}

// bytes returns a part of a page, counted from its beginning.
func (w *walker) bytes(p *page, at, n int64) ([]byte, error) {
	if at < pageHeaderLen || at+n > p.size {
		return nil, damaged("an element of page %d is outside of it", p.id)
	}
	if at+n <= int64(len(p.head)) {
		return p.head[at : at+n], nil
	}
	b := make([]byte, n)
	if _, err := w.r.ReadAt(b, p.at+at); err != nil {
		return nil, damaged("page %d cannot be read: %w", p.id, err)
	}
	return b, nil
}

// tree checks the tree below a page, whose keys must be from least up to below
// the key end; nil is no bound.
func (w *walker) tree(id uint64, least, end []byte, depth int) error {
	if depth >= maxDepth {
		return damaged("page %d is too deep in the tree", id)
	}
	p, err := w.page(id, depth)
	if err != nil {
		return err
	}
	switch p.flags() {
	case branchFlag:
		return w.branch(p, least, end, depth)
	case leafFlag:
		return w.leaf(p, least, end)
	}
	return damaged("page %d is of an unknown type %#x", id, p.flags())
}

func (w *walker) branch(p *page, least, end []byte, depth int) error {
	if p.count() == 0 {
		return damaged("page %d has no children", p.id)
	}
	keys := make([][]byte, p.count())
	children := make([]uint64, p.count())
	for i := range p.count() {
		at := int64(pageHeaderLen + i*elementLen)
		e := p.head[at:]
		key, err := w.bytes(p, at+int64(order.Uint32(e)), int64(order.Uint32(e[4:])))
		if err != nil {
			return err
		}
		if err := inOrder(p, i, key, least, end); err != nil {
			return err
		}
		keys[i], children[i], least = key, order.Uint64(e[8:]), key
	}
	for i, child := range children {
		next := end
		if i+1 < len(keys) {
			next = keys[i+1]
		}
		if err := w.tree(child, keys[i], next, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a leaf. Outside of the bucket it may hold the bucket alone, inside
// of it no other.
func (w *walker) leaf(p *page, least, end []byte) error {
	for i := range p.count() {
		at := int64(pageHeaderLen + i*elementLen)
		e := p.head[at:]
		pos, ksize, vsize := int64(order.Uint32(e[4:])), int64(order.Uint32(e[8:])), int64(order.Uint32(e[12:]))
		key, err := w.bytes(p, at+pos, ksize)
		if err != nil {
			return err
		}
		value := span{at + pos + ksize, vsize}
		if value.at+value.n > p.size {
			return damaged("a value of page %d is cut short", p.id)
		}
		if err := inOrder(p, i, key, least, end); err != nil {
			return err
		}
		least = key
		switch flags := order.Uint32(e); {
		case w.inside && flags == 0:
		case !w.inside && flags == bucketFlag && string(key) == bucketName:
			w.bucket = &bucket{p, value}
		default:
			return damaged("page %d has an element of an unknown kind", p.id)
		}
	}
	return nil
}

// content checks what is in a bucket: a tree of its own, or a leaf in its header.
func (w *walker) content(b bucket) error {
	w.inside = true
	head, err := w.bytes(b.page, b.at.at, b.at.n)
	if err != nil {
		return err
	}
	if len(head) < bucketHeaderLen {
		return damaged("the bucket in page %d is cut short", b.page.id)
	}
	if root := order.Uint64(head); root != 0 {
		return w.tree(root, nil, nil, 0)
	}
	in := &page{id: b.page.id, head: head[bucketHeaderLen:], size: int64(len(head) - bucketHeaderLen)}
	if in.size < pageHeaderLen || in.flags() != leafFlag || int64(pageHeaderLen+in.count()*elementLen) > in.size {
		return damaged("the bucket in page %d makes no sense", b.page.id)
	}
	return w.leaf(in, nil, nil)
}

// inOrder checks the i-th key of a page, before being the key that comes before
// it, or for the first the least that it may be.
func inOrder(p *page, i int, key, before, end []byte) error {
	c := bytes.Compare(before, key)
	if before != nil && (c > 0 || i > 0 && c == 0) || end != nil && bytes.Compare(key, end) >= 0 {
		return damaged("the keys of page %d are out of order", p.id)
	}
	return nil
}
