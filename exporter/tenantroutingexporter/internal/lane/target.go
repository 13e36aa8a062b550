// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// Target delivers the batches of one lane. It is safe for concurrent use.
type Target interface {
	// Endpoint is a name. Targets with the same name share connections, and one bound on calls in
	// flight.
	Endpoint() string

	// Bounds limits the batches that Send gets.
	Bounds() Bounds

	// Send makes one attempt. It returns soon after ctx ends, does not keep b, and has a timeout of its
	// own.
	Send(ctx context.Context, b *Batch) Result
}

// Bounds are the limits of a target. Zero values leave the scheduler's own.
type Bounds struct {
	BatchBytes  int // a batch of several payloads is never larger
	Concurrency int // batches of one lane in flight
}

// Verdict is what an attempt means for its batch.
type Verdict uint8

const (
	// Delivered means that the destination took the batch, except for Result.Rejected records. If
	// those are all, the batch is treated as Rejected.
	Delivered Verdict = iota
	// Retry means that a later attempt may succeed.
	Retry
	// Blocked means that no attempt will succeed until an operator acts, for
	// example because the destination rejects the gateway's own credentials.
	// The data is kept, and the breaker opens at once.
	Blocked
	// TooLarge means that smaller batches may succeed. The batch is split.
	TooLarge
	// Rejected means that the destination never takes this batch. The batch is split until the rejected
	// records are found.
	Rejected
)

// Result is the outcome of an attempt.
type Result struct {
	Verdict    Verdict
	Reason     string        // a short, enumerable word for metrics
	RetryAfter time.Duration // the delay that the destination asks for; zero: none
	Err        error         // for the operator; nil if all of it was delivered

	// Rejected is how many records of a delivered batch the destination rejected. For a rejected batch it
	// is the same, if the destination states it and took the other records; zero: not known, or it
	// took none.
	Rejected int

	// Unexpected is set if such a destination does not give this answer, for example a web page.
	Unexpected bool

	// For a failed attempt: what an operator can do about it, the HTTP status, and the address of the
	// request, if it may be shown.
	Class  healthboard.AnswerClass
	Status int
	URL    string
}
