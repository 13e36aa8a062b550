package tenantprocessor

import (
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// notLoadedDelay is about how long callers wait for a registry that has never
// loaded. With the jitter it stays above a second, since receivers cut the
// Retry-After header down to whole seconds.
const notLoadedDelay = 4 * time.Second

// refusal is an error that receivers turn into the right status: OTLP ones ask
// for GRPCStatus, others for consumererror.IsPermanent.
type refusal struct {
	status *status.Status
	cause  error
}

// Error implements error. The text reaches the caller.
func (r *refusal) Error() string { return r.status.Message() }

// GRPCStatus is how the status package finds code, message and details.
func (r *refusal) GRPCStatus() *status.Status { return r.status }

// Unwrap makes a final refusal permanent in the eyes of consumererror.
func (r *refusal) Unwrap() error { return r.cause }

func final(code codes.Code, text string) *refusal {
	st := status.New(code, text)
	return &refusal{status: st, cause: consumererror.NewPermanent(st.Err())}
}

// retryable asks the caller to come again after about delay, at random between
// half and one and a half of it, so that refused callers do not come all at once.
func retryable(code codes.Code, text string, delay time.Duration) error {
	delay = delay/2 + rand.N(delay)
	st := status.New(code, text)
	detailed, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil { // only for codes.OK
		detailed = st
	}
	return &refusal{status: detailed}
}

// Callers that are over a limit come again between these times. Longer ones would
// have most senders give up, however long the quota's day still is.
const (
	minLimitDelay = 2 * time.Second
	maxLimitDelay = time.Minute
)

// overLimit names the limit to its own tenant.
func overLimit(over excess) error {
	return retryable(codes.ResourceExhausted, over.text, min(max(over.wait, minLimitDelay), maxLimitDelay))
}

// refusals are the errors of one signal's reasons.
type refusals struct {
	final [numReasons]*refusal
}

// newRefusals makes the final errors once; a flood of refused requests makes none.
func newRefusals(signal tenant.Signal) *refusals {
	return &refusals{final: [numReasons]*refusal{
		noIdentity:    final(codes.Unauthenticated, "the request has no authenticated tenant"),
		unknownTenant: final(codes.Unauthenticated, "the tenant of the API key does not exist"),
		suspended:     final(codes.PermissionDenied, "the tenant is suspended"),
		outOfScope:    final(codes.PermissionDenied, "the API key may not send "+signal.String()),
	}}
}

// of returns the error of r, which must not be passed.
func (f *refusals) of(r reason) error {
	if r == registryNotLoaded {
		return retryable(codes.Unavailable, "the tenant registry has not been loaded yet", notLoadedDelay)
	}
	return f.final[r]
}
