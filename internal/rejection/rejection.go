// Package rejection is the answer to requests that are refused: code, reason,
// text and retry delay, as gRPC and HTTP have them.
//
// Receivers turn an [Error] into the right answer without knowing it: those of
// gRPC ask for GRPCStatus, others whether the error is permanent. The text
// reaches the caller. It names the rule and the configured limit, never a key, a
// digest or another tenant.
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

// Delays of callers that try again are between these, before the jitter. Longer
// ones would have most senders give up.
const (
	minDelay = 2 * time.Second
	maxDelay = time.Minute
)

// Error is one rejection. It is immutable.
type Error struct {
	reason Reason
	http   int
	status *status.Status
	delay  time.Duration // 0: final
	cause  error
}

// New returns the rejection for reason with text. A retryable one has the usual
// delay of its reason.
func New(reason Reason, text string) *Error {
	if reason.Retryable() {
		return Retry(reason, text, reason.property().delay)
	}
	st := status.New(reason.Code(), text)
	return &Error{reason: reason, http: reason.HTTPStatus(), status: st, cause: consumererror.NewPermanent(st.Err())}
}

// Retry returns the rejection for the retryable reason with text. The caller is
// asked to try again after about delay, at random between half and one and a half
// of it and at least a second, so that refused callers do not come all at once.
func Retry(reason Reason, text string, delay time.Duration) *Error {
	delay = min(max(delay, minDelay), maxDelay)
	delay = delay/2 + rand.N(delay)
	st := status.New(reason.Code(), text)
	if detailed, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}); err == nil {
		st = detailed
	}
	return &Error{reason: reason, http: reason.HTTPStatus(), status: st, delay: delay}
}

// From returns err as a rejection. An error that has a gRPC status keeps its code,
// text and delay; another one is final if it is permanent, and otherwise retryable.
// Its text stays inside the process, because it may say what no caller should read.
func From(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if st, ok := status.FromError(err); ok && st.Code() != codes.OK {
		return fromStatus(st, err)
	}
	if consumererror.IsPermanent(err) {
		return New(Malformed, "the data was refused")
	}
	return New(Downstream, "the data cannot be taken now")
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

// GRPCStatus is how the status package finds code, text and details.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Unwrap makes a final rejection permanent in the eyes of consumererror.
func (e *Error) Unwrap() error { return e.cause }

// Reason returns why.
func (e *Error) Reason() Reason { return e.reason }

// HTTPStatus returns the HTTP status code.
func (e *Error) HTTPStatus() int { return e.http }

// RetryDelay returns after which time the caller may send the same again, and
// false if it must not.
func (e *Error) RetryDelay() (time.Duration, bool) { return e.delay, e.delay > 0 }

// SetHeader sets the headers that belong to e in an answer over HTTP. The status
// code and the body, a google.rpc.Status, are for the caller to write.
func (e *Error) SetHeader(h http.Header) {
	if e.delay > 0 {
		seconds := (e.delay + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if e.reason == Slow {
		h.Set("Connection", "close")
	}
}
