// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build pm2slab

package slab

import (
	"reflect"
	"unsafe"
)

// pieces allocates parts one after another.
type pieces[T any] struct {
	free []T
	next int // parts of the next piece
	used int
}

func (p *pieces[T]) take() *T {
	if len(p.free) == 0 {
		p.free = make([]T, following(&p.next))
	}
	part := &p.free[0]
	p.free = p.free[1:]
	p.used++
	return part
}

// following returns the size of the next piece and sets that of the one after it. It grows slowly,
// because an expectation that was too low was mostly a little too low.
func following(next *int) int {
	n := max(*next, firstPiece)
	*next = min(max(n/16, firstPiece), maxPiece)
	return n
}

// records allocates records of pdata's type.
type records struct {
	piece      unsafe.Pointer
	from, size int // of piece
	next       int
	used       int
}

func (r *records) take() unsafe.Pointer {
	if r.from == r.size {
		r.from, r.size = 0, following(&r.next)
		r.piece = reflect.MakeSlice(pdata.records, r.size, r.size).UnsafePointer()
	}
	part := unsafe.Add(r.piece, uintptr(r.from)*pdata.recordSize)
	r.from++
	r.used++
	return part
}

// room allocates slices one after another. The length of a slice is not known when it begins.
type room[T any] struct {
	free []T
	next int // parts of the next piece
	used int
}

// open gives a slice all the free space, at least least parts.
func (r *room[T]) open(all *[]T, least int) {
	if len(r.free) < least {
		r.free = make([]T, max(least, following(&r.next)))
	}
	*all, r.free = r.free[:0], nil // reserved for this slice until close
}

// close takes back what the slice does not need.
func (r *room[T]) close(all *[]T) {
	n := len(*all)
	r.used += n
	whole := (*all)[:cap(*all)]
	*all, r.free = whole[:n:n], whole[n:]
}
