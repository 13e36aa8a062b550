// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import "slices"

// fifo is a queue that gives memory back as it becomes shorter.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int { return len(q.items) - q.head }

func (q *fifo[T]) push(v T) { q.items = append(q.items, v) }

func (q *fifo[T]) peek() T { return q.items[q.head] }

func (q *fifo[T]) pop() T {
	var zero T
	v := q.items[q.head]
	q.items[q.head] = zero
	q.head++
	switch {
	case q.head == len(q.items):
		q.head = 0
		if cap(q.items) > 64 {
			q.items = nil
		} else {
			q.items = q.items[:0]
		}
	case q.head > 32 && q.head*2 > len(q.items):
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return v
}

// pushFront puts v before all others. It copies the queue unless something was taken from it before.
func (q *fifo[T]) pushFront(v T) {
	if q.head > 0 {
		q.head--
		q.items[q.head] = v
		return
	}
	q.items = append([]T{v}, q.items...)
}

// item returns the element at index i.
func (q *fifo[T]) item(i int) T { return q.items[q.head+i] }

// remove removes the element at index i.
func (q *fifo[T]) remove(i int) {
	if i == 0 {
		q.pop()
		return
	}
	q.items = slices.Delete(q.items, q.head+i, q.head+i+1)
}
