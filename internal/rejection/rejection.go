// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package rejection defines the answer to each rejected request: code, reason,
// text and retry delay, over gRPC and HTTP. All of it is in one table, so
// that the same situation has the same answer in every component.
//
// Receivers turn an [Error] into the right answer without knowing the type: gRPC
// calls GRPCStatus, and others ask consumererror whether the error is permanent.
// The text reaches the caller. It names the rule and the configured limit, never a
// key, a digest or another tenant.
package rejection

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Bounds of a retry delay before jitter. Most senders give up on longer delays.
const (
	minDelay = 2 * time.Second
	maxDelay = time.Minute
)

// Error is one rejection. It is immutable and safe for concurrent use.
type Error struct {
	reason Reason
	http   int
	status *status.Status
	delay  time.Duration // 0: the caller must not retry
	cause  error
}

// Of returns the rejection for reason with the text of the table. args take the
// places of the text's verbs. A retryable rejection has the delay of the table.
func Of(reason Reason, args ...any) *Error { return New(reason, reason.Text(args...)) }

// New is [Of] with another text, one that names the configured limit.
func New(reason Reason, text string) *Error {
	if reason.Retryable() {
		return Retry(reason, text, reason.row().delay)
	}
	st := status.New(reason.Code(), text)
	return &Error{reason: reason, http: reason.HTTPStatus(), status: st, cause: consumererror.NewPermanent(st.Err())}
}

// Retry is [New] with another delay, for a reason that is retryable. The delay is
// held between 2 s and 1 min. The caller gets a random one between half and one and
// a half of it, at least 1 s, so that rejected callers do not return all at once.
func Retry(reason Reason, text string, delay time.Duration) *Error {
	delay = min(max(delay, minDelay), maxDelay)
	delay = delay/2 + rand.N(delay)
	st := status.New(reason.Code(), text)
	if detailed, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}); err == nil {
		st = detailed
	}
	return &Error{reason: reason, http: reason.HTTPStatus(), status: st, delay: delay}
}

// From returns err as a rejection. An error with a gRPC status keeps code, text and
// delay. Any other is [Malformed] if it is permanent and [Downstream] if not, and its
// text is replaced, because it may contain what no caller should read.
func From(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if st, ok := status.FromError(err); ok && st.Code() != codes.OK {
		return fromStatus(st, err)
	}
	if consumererror.IsPermanent(err) {
		return New(Malformed, "the data was rejected")
	}
	return Of(Downstream)
}

func fromStatus(st *status.Status, cause error) *Error {
	e := &Error{reason: Downstream, status: st, cause: cause, delay: retryDelay(st)}
	switch st.Code() {
	case codes.InvalidArgument:
		e.http = http.StatusBadRequest
	case codes.Unauthenticated:
		e.http = http.StatusUnauthorized
	case codes.PermissionDenied:
		e.http = http.StatusForbidden
	case codes.Unimplemented:
		e.http = http.StatusNotFound
	case codes.ResourceExhausted:
		e.http = http.StatusRequestEntityTooLarge
		if e.delay > 0 {
			e.http = http.StatusTooManyRequests
		}
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted:
		e.http = http.StatusServiceUnavailable
		if e.delay == 0 {
			e.delay = minDelay/2 + rand.N(minDelay)
		}
	default:
		e.http = http.StatusInternalServerError
	}
	return e
}

func retryDelay(st *status.Status) time.Duration {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), time.Second)
		}
	}
	return 0
}

// Error implements error with the bare text.
func (e *Error) Error() string { return e.status.Message() }

// GRPCStatus returns code, text and details to the status package of gRPC.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Unwrap returns a permanent error unless the caller may retry, so that
// consumererror.IsPermanent gives the right answer.
func (e *Error) Unwrap() error { return e.cause }

// Reason returns why the request is rejected.
func (e *Error) Reason() Reason { return e.reason }

// HTTPStatus returns the HTTP status code.
func (e *Error) HTTPStatus() int { return e.http }

// RetryDelay returns the time after which the caller may send the same request
// again. It returns false if the caller must not.
func (e *Error) RetryDelay() (time.Duration, bool) { return e.delay, e.delay > 0 }

// SetHeader sets the HTTP headers of the answer. Status code and body, a
// google.rpc.Status, are the receiver's to write.
func (e *Error) SetHeader(h http.Header) {
	if e.delay > 0 {
		seconds := (e.delay + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if e.reason == Slow {
		h.Set("Connection", "close")
	}
}
