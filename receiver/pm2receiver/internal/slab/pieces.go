// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build pm2slab

package slab

import (
	"reflect"
	"unsafe"
)

// pieces hands out one part after another.
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

// following returns the size of the next piece and sets that of the one behind it: an
// expectation that was too low was mostly a little too low.
func following(next *int) int {
	n := max(*next, firstPiece)
	*next = min(max(n/16, firstPiece), maxPiece)
	return n
}

// records hands out records of pdata's own type.
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

// room hands out slices one after another, whose length is not known when they begin.
type room[T any] struct {
	free []T
	next int // parts of the next piece
	used int
}

// open gives a slice all the room there is, at least least parts.
func (r *room[T]) open(all *[]T, least int) {
	if len(r.free) < least {
		r.free = make([]T, max(least, following(&r.next)))
	}
	*all, r.free = r.free[:0], nil // nobody else's until closed
}

// close takes back what the slice does not need.
func (r *room[T]) close(all *[]T) {
	n := len(*all)
	r.used += n
	whole := (*all)[:cap(*all)]
	*all, r.free = whole[:n:n], whole[n:]
}
