package lane

import (
	"context"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Target delivers the batches of one lane. It is safe for concurrent use.
type Target interface {
	// Endpoint names what the target shares with others that have the same
	// endpoint: connections, and one bound on calls in flight.
	Endpoint() string

	// Bounds limits what Send gets.
	Bounds() Bounds

	// Send makes one attempt. It returns soon after ctx ends, keeps nothing of
	// b, and never blocks without a bound of its own.
	Send(ctx context.Context, b *Batch) Result
}

// Bounds are the limits of a target. Zero values leave the scheduler's own.
type Bounds struct {
	BatchBytes  int // a batch of several payloads is never larger
	Concurrency int // batches of one lane in flight
}

// Verdict says what became of a batch.
type Verdict uint8

const (
	// Delivered means that the destination took the batch, less Result.Rejected. If
	// that is all of it, it is as good as refused.
	Delivered Verdict = iota
	// Retry means that a later attempt may succeed.
	Retry
	// Blocked means that no attempt will succeed until an operator acts, for
	// example because the destination refuses the gateway's own credentials.
	// The data is kept and tried slowly.
	Blocked
	// TooLarge means that smaller batches may succeed. It is halved.
	TooLarge
	// Refused means that the destination will never take this batch. It is halved until
	// the records that it refuses are alone.
	Refused
)

// Result is the outcome of an attempt.
type Result struct {
	Verdict    Verdict
	Reason     string        // a short, enumerable word for metrics
	RetryAfter time.Duration // the destination's own wish; zero: none
	Err        error         // what an operator may read; nil if Delivered in full

	// Rejected is how many records of a delivered batch the destination refused. Of a
	// refused batch it is the same where the destination says so, and it has taken the
	// others; zero: not known, or none is taken.
	Rejected int

	// Odd answers are none that such a destination gives.
	Odd bool

	// Of an attempt that failed: what an operator can do about it, the status of HTTP, and
	// where the request was sent to, if that can be shown.
	Class  tenant.AnswerClass
	Status int
	URL    string
}

// Store keeps payloads across restarts. It is safe for concurrent use.
type Store interface {
	// Put makes parts durable, all or none, and sets their payloads' StoreID.
	Put(ctx context.Context, parts []Part) error

	// Read returns the data of payloads in their order. An element is nil if
	// that payload is lost for good.
	Read(ctx context.Context, payloads []*Payload) ([][]byte, error)

	// Release notes that destination needs payloads no longer. It does no I/O;
	// a payload that no destination needs is deleted some time later.
	Release(payloads []*Payload, destination string)
}
