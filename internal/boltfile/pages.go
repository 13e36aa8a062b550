// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// checker walks through all pages that are in use.
type checker struct {
	r    io.ReaderAt
	meta meta
	used []uint64 // a bit for each page
}

// mark marks a page as used. It reports false if it was marked already.
func (c *checker) mark(id uint64) bool {
	bit := uint64(1) << (id % 64)
	free := c.used[id/64]&bit == 0
	c.used[id/64] |= bit
	return free
}

// page is a page with its overflow pages.
type page struct {
	r     io.ReaderAt
	at    int64 // in r
	size  int64
	start []byte // the page itself, without overflow pages
	flags uint16
	count int
}

// read returns the bytes at an offset in the page.
func (p page) read(offset, size int64) ([]byte, error) {
	if offset+size <= int64(len(p.start)) {
		return p.start[offset : offset+size], nil
	}
	b := make([]byte, size)
	return b, readAt(p.r, b, p.at+offset)
}

// head parses the type of the page and its number of elements.
func (p page) head() page {
	p.flags, p.count = order.Uint16(p.start[8:]), int(order.Uint16(p.start[10:]))
	return p
}

// open returns the page with an ID, and marks it and its overflow pages as used.
func (c *checker) open(id uint64) (page, error) {
	if id < 2 || id >= c.meta.highWater {
		return page{}, damaged("page %d of %d", id, c.meta.highWater)
	}
	at := int64(id) * c.meta.pageSize
	start := make([]byte, c.meta.pageSize)
	if err := readAt(c.r, start, at); err != nil {
		return page{}, err
	}
	over := uint64(order.Uint32(start[12:]))
	if own := order.Uint64(start); own != id {
		return page{}, damaged("page %d has the ID %d", id, own)
	}
	if over >= c.meta.highWater-id {
		return page{}, damaged("page %d extends beyond the end of the file", id)
	}
	for i := range over + 1 {
		if !c.mark(id + i) {
			return page{}, damaged("page %d is used twice", id+i)
		}
	}
	return page{r: c.r, at: at, size: int64(over+1) * c.meta.pageSize, start: start}.head(), nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) || err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return damaged("the file ends within a page")
	}
	return fmt.Errorf("failed to read the file: %w", err)
}

// element is an element of a page.
type element struct {
	flags uint32
	child uint64 // of a branch page
	key   []byte
	value int64 // its offset in r
	size  int64 // of the value
}

// elements reads the elements of a page without their values.
func (p page) elements() ([]element, error) {
	if headerSize+int64(p.count*elementSize) > p.size {
		return nil, damaged("%d elements in a page of %d bytes", p.count, p.size)
	}
	table, err := p.read(headerSize, int64(p.count*elementSize))
	if err != nil {
		return nil, err
	}
	all := make([]element, p.count)
	end := headerSize + int64(len(table)) // of the previous element: they do not overlap
	for i := range all {
		b := table[i*elementSize:]
		e := &all[i]
		var pos, size int64
		if p.flags == branchPage {
			pos, size, e.child = int64(order.Uint32(b)), int64(order.Uint32(b[4:])), order.Uint64(b[8:])
		} else {
			e.flags = order.Uint32(b)
			pos, size, e.size = int64(order.Uint32(b[4:])), int64(order.Uint32(b[8:])), int64(order.Uint32(b[12:]))
		}
		from := headerSize + int64(i*elementSize) + pos
		if size == 0 || size > maxKey || from < end || from+size+e.size > p.size {
			return nil, damaged("element %d is outside of its page or overlaps another one", i)
		}
		end = from + size + e.size
		if e.key, err = p.read(from, size); err != nil {
			return nil, err
		}
		e.value = p.at + from + size
	}
	return all, nil
}

// bounds are the bounds of the keys in a page: at least min, and less than max unless that is nil.
type bounds struct{ min, max []byte }

func (b bounds) holds(all []element) error {
	last := b.min
	for i, e := range all {
		if order := bytes.Compare(last, e.key); order > 0 || i > 0 && order == 0 || b.max != nil && bytes.Compare(e.key, b.max) >= 0 {
			return damaged("keys are out of order")
		}
		last = e.key
	}
	return nil
}

// tree checks the page with an ID and all pages below it, and calls leaf for each element of its leaf
// pages.
func (c *checker) tree(id uint64, b bounds, depth int, leaf func(element) error) error {
	if depth > maxDepth {
		return damaged("pages are nested too deeply")
	}
	p, err := c.open(id)
	if err != nil {
		return err
	}
	if p.flags != branchPage && p.flags != leafPage || p.flags == branchPage && p.count == 0 {
		return damaged("page %d has type %#x and %d elements", id, p.flags, p.count)
	}
	all, err := p.elements()
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	if err := b.holds(all); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	for i, e := range all {
		if p.flags == leafPage {
			err = leaf(e)
		} else {
			below := bounds{min: e.key, max: b.max}
			if i+1 < len(all) {
				below.max = all[i+1].key
			}
			err = c.tree(e.child, below, depth+1, leaf)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket, of which file_storage has one, and its content.
func (c *checker) bucket(e element) error {
	if e.flags != bucketFlag || e.size < bucketSize {
		return damaged("an element of the root page is not a bucket")
	}
	head := make([]byte, bucketSize)
	if err := readAt(c.r, head, e.value); err != nil {
		return err
	}
	if root := order.Uint64(head); root != 0 {
		return c.tree(root, bounds{}, 0, value)
	}
	return c.inline(e)
}

// inline checks an inline bucket, whose only page is part of its element.
func (c *checker) inline(e element) error {
	p := page{r: c.r, at: e.value + bucketSize, size: e.size - bucketSize, start: make([]byte, headerSize)}
	if p.size < headerSize {
		return damaged("an inline bucket has no page")
	}
	if err := readAt(c.r, p.start, p.at); err != nil {
		return err
	}
	p = p.head()
	if p.flags != leafPage {
		return damaged("an inline bucket has type %#x", p.flags)
	}
	all, err := p.elements()
	if err != nil {
		return err
	}
	if err := (bounds{}).holds(all); err != nil {
		return err
	}
	for _, e := range all {
		if err := value(e); err != nil {
			return err
		}
	}
	return nil
}

// value checks an element that is not a bucket.
func value(e element) error {
	if e.flags != 0 {
		return damaged("a value has flags %#x", e.flags)
	}
	return nil
}

// freelist checks the list of free pages, if the file has one.
func (c *checker) freelist() error {
	if c.meta.freelist == noFreelist {
		return nil
	}
	p, err := c.open(c.meta.freelist)
	if err != nil {
		return err
	}
	if p.flags != freelistPage {
		return damaged("the freelist has type %#x", p.flags)
	}
	at, count := int64(headerSize), uint64(p.count)
	capacity := uint64(p.size-headerSize) / 8
	if p.count == 0xFFFF {
		first, err := p.read(at, 8)
		if err != nil {
			return err
		}
		at, count, capacity = at+8, order.Uint64(first), capacity-1
	}
	if count > capacity {
		return damaged("%d free pages in a freelist for %d", count, capacity)
	}
	for range count {
		id, err := p.read(at, 8)
		if err != nil {
			return err
		}
		at += 8
		if free := order.Uint64(id); free < 2 || free >= c.meta.highWater || !c.mark(free) {
			return damaged("page %d is free and in use", free)
		}
	}
	return nil
}
