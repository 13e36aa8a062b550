// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"errors"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Check checks an encoded request before it is decoded: its structure, and the limiters of
// [Guard.PostLimiter]. It reserves the memory of the decoded form, and charges no limit. It
// waits while too many requests of the tenant are being processed; Release ends the
// processing. After success, decode what [Request.Readable] returns.
func (r *Request) Check(json bool, data []byte) (otlpwire.Counts, error) {
	check, size := otlpwire.CheckProto, int64(len(data))
	if json {
		check, size = otlpwire.CheckJSON, 0 // limits count the size in protobuf
	}
	counts, err := r.walk(data, size, func(limits otlpwire.Limits) (otlpwire.Counts, error) {
		return check(r.signal, data, limits)
	})
	if err != nil {
		return counts, err
	}
	return counts, r.ReserveDecoded(counts)
}

// CheckStamped is Check for a request in protobuf that need not be decoded. In place of the
// check, stamp walks the request, and returns the same counts and errors, or a rejection. It
// may allocate a copy of data. If the copy is not used, call [Request.ReserveDecoded], and
// otherwise [Request.ReserveEncoded]. If there is no memory for a copy, CheckStamped is Check, and
// does not call stamp.
func (r *Request) CheckStamped(data []byte, stamp func(otlpwire.Limits) (otlpwire.Counts, error)) (otlpwire.Counts, error) {
	size := int64(len(data))
	if r.tryReserve(size) != granted { // of the copy
		return r.Check(false, data)
	}
	counts, err := r.walk(data, size, func(limits otlpwire.Limits) (otlpwire.Counts, error) {
		limits.Memory += size // a request that is decoded has no copy
		return stamp(limits)
	})
	r.unreserve(size)
	return counts, err
}

// walk checks a request with check, and then asks the limiters. size is the size that limits
// count, or 0 if it is not known.
func (r *Request) walk(data []byte, size int64, check func(otlpwire.Limits) (otlpwire.Counts, error)) (otlpwire.Counts, error) {
	g := r.guard
	if err := r.beginWork(int64(len(data))); err != nil {
		return otlpwire.Counts{}, err
	}
	counts, err := check(g.wireLimits(r.held))
	if rejected := (*rejection.Error)(nil); errors.As(err, &rejected) {
		return counts, err // by another component, which has counted it
	}
	if err != nil {
		return counts, r.Count(g.wireError(err))
	}
	return counts, r.checkLimiters(counts.Records, size)
}

// ReserveDecoded reserves the memory of the decoded form of a request with these counts, which
// must be decoded next.
func (r *Request) ReserveDecoded(counts otlpwire.Counts) error {
	if err := r.Reserve(counts.Memory); err != nil {
		return err
	}
	if err := r.hasSize(counts.Memory / decodedLarge); err != nil {
		return r.canceled()
	}
	return nil
}

// ReserveEncoded ends the use of the body and the work of the check. It reserves the n bytes of
// the stamped copy, which is all that the request holds from then on.
func (r *Request) ReserveEncoded(n int) error {
	r.Computed()
	for len(r.buffers) > 0 {
		r.drop(r.buffers[0])
	}
	return r.Reserve(int64(n))
}

// CheckHeap returns a rejection while the heap of the process is larger than
// [Guard.RefuseAbove] allows. It takes the place of memory_limiter for a request with so many
// records that does not pass it.
func (r *Request) CheckHeap(records int) error {
	if !r.guard.heap.exceeded() {
		return nil
	}
	err := rejection.New(rejection.Memory, "the collector uses too much memory")
	r.count(err, records)
	return err
}
