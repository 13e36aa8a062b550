package rejection

import (
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
)

// Reason is why a request is rejected. Its text is the value of the metric
// attribute "reason".
type Reason uint8

// The reasons. What each becomes over gRPC and HTTP is in the table below.
const (
	None            Reason = iota
	Unauthenticated        // no identity, or a key of a tenant that does not exist
	Suspended              // the tenant is suspended
	Scope                  // the key may not send this signal
	Forbidden              // the data is not the caller's to send, or has no destination
	NotLoaded              // the registry has not been loaded yet
	Rate                   // over a rate of the tenant
	Quota                  // over a quota of the tenant
	LaneFull               // the tenant's lane to a destination is full
	TenantRequests         // the tenant has its share of requests in flight
	TenantMemory           // the tenant has its share of memory in flight
	Requests               // the process has all requests in flight that it may have
	Memory                 // the process has all memory in flight that it may have
	Stopping               // the process stops
	Malformed              // the payload cannot be read
	TooLarge               // a size is over its limit
	Depth                  // values are nested too deeply
	Elements               // there are too many elements
	Encoding               // the encoding of the content is not supported
	Slow                   // the body arrives too slowly
	Canceled               // the caller has gone
	Panic                  // a defect of the process
	Downstream             // what comes after the receiver has refused the data
	numReasons
)

// NumReasons is the number of reasons, for counters that are indexed by them.
const NumReasons = int(numReasons)

// property is what a reason becomes.
type property struct {
	name  string
	code  codes.Code
	http  int
	delay time.Duration // before the caller tries again; 0: it must not
}

// statusClientClosedRequest is what proxies log for callers that have gone. The
// caller never reads it.
const statusClientClosedRequest = 499

func (r Reason) property() property {
	if r >= numReasons {
		r = Panic
	}
	return [numReasons]property{
		Unauthenticated: {"unauthenticated", codes.Unauthenticated, http.StatusUnauthorized, 0},
		Suspended:       {"suspended", codes.PermissionDenied, http.StatusForbidden, 0},
		Scope:           {"scope", codes.PermissionDenied, http.StatusForbidden, 0},
		Forbidden:       {"forbidden", codes.PermissionDenied, http.StatusForbidden, 0},
		NotLoaded:       {"registry_not_loaded", codes.Unavailable, http.StatusServiceUnavailable, 4 * time.Second},
		Rate:            {"rate", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second},
		Quota:           {"quota", codes.ResourceExhausted, http.StatusTooManyRequests, time.Minute},
		LaneFull:        {"lane_full", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second},
		TenantRequests:  {"tenant_requests", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second},
		TenantMemory:    {"tenant_memory", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second},
		Requests:        {"requests", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second},
		Memory:          {"memory", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second},
		Stopping:        {"stopping", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second},
		Malformed:       {"malformed", codes.InvalidArgument, http.StatusBadRequest, 0},
		TooLarge:        {"too_large", codes.ResourceExhausted, http.StatusRequestEntityTooLarge, 0},
		Depth:           {"depth", codes.ResourceExhausted, http.StatusRequestEntityTooLarge, 0},
		Elements:        {"elements", codes.ResourceExhausted, http.StatusRequestEntityTooLarge, 0},
		Encoding:        {"encoding", codes.Unimplemented, http.StatusUnsupportedMediaType, 0},
		Slow:            {"slow", codes.DeadlineExceeded, http.StatusRequestTimeout, 0},
		Canceled:        {"canceled", codes.Canceled, statusClientClosedRequest, 0},
		Panic:           {"panic", codes.Internal, http.StatusInternalServerError, 0},
		Downstream:      {"downstream", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second},
	}[r]
}

// String returns the value of the metric attribute "reason".
func (r Reason) String() string { return r.property().name }

// Code returns the gRPC code.
func (r Reason) Code() codes.Code { return r.property().code }

// HTTPStatus returns the HTTP status code.
func (r Reason) HTTPStatus() int { return r.property().http }

// Retryable tells whether the caller may send the same again.
func (r Reason) Retryable() bool { return r.property().delay > 0 }
