package tenantroutingexporter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// refusalReason is why a request was not accepted.
type refusalReason uint8

const (
	refusedShutdown refusalReason = iota
	refusedNoRegistry
	refusedNoTenant
	refusedMismatch
	refusedUnknownTenant
	refusedNotActive
	refusedNoRoute
	refusedUnknownDestination
	refusedFull
	refusedTooLarge
	refusedStorage
	refusedMalformed
	refusedPanic
	refusedDisk
	numRefusals
)

var refusalNames = [numRefusals]string{
	"shutdown", "no_registry", "no_tenant", "tenant_mismatch", "unknown_tenant", "tenant_not_active",
	"no_route", "unknown_destination", "full", "too_large", "storage", "malformed", "panic", "disk_full",
}

// refusal is an answer to a caller. Its text names the rule and never a secret
// or another tenant.
type refusal struct {
	reason refusalReason
	code   codes.Code
	text   string
	retry  time.Duration // at least this long; 0: the caller must not try again
}

// Error implements error.
func (e *refusal) Error() string { return e.text }

func newRefusal(reason refusalReason, code codes.Code, retry time.Duration, text string) *refusal {
	return &refusal{reason: reason, code: code, text: text, retry: retry}
}

const (
	retrySoon  = 2 * time.Second
	retryLater = 30 * time.Second
	retryDisk  = 5 * time.Second

	// reportInterval is the least time between two reports of failing storage.
	reportInterval = 10 * time.Second
)

// The refusals that say the same to everybody. They are never changed.
var (
	errNotRunning    = newRefusal(refusedShutdown, codes.Unavailable, retrySoon, "the gateway is shutting down")
	errNoRegistry    = newRefusal(refusedNoRegistry, codes.Unavailable, retrySoon, "the tenant registry has not been loaded yet")
	errMismatch      = newRefusal(refusedMismatch, codes.PermissionDenied, 0, "the data is of another tenant than the key")
	errUnknownTenant = newRefusal(refusedUnknownTenant, codes.PermissionDenied, 0, "the tenant is not known")
	errPanic         = newRefusal(refusedPanic, codes.Internal, 0, "internal error: the data cannot be handled")
	errNotActive     = newRefusal(refusedNotActive, codes.PermissionDenied, 0, "the tenant is suspended")
)

func noTenant(attribute string) *refusal {
	return newRefusal(refusedNoTenant, codes.InvalidArgument, 0, fmt.Sprintf("the data has no tenant: a resource lacks the attribute %q", attribute))
}

func malformed(err error) *refusal {
	return newRefusal(refusedMalformed, codes.InvalidArgument, 0, "encoding the data: "+err.Error())
}

// tooLarge is not RESOURCE_EXHAUSTED: over HTTP that is a 429, on which callers come
// again.
func tooLarge(err error) *refusal {
	return newRefusal(refusedTooLarge, codes.InvalidArgument, 0, err.Error())
}

func routeRefusal(err error, signal tenant.Signal) *refusal {
	if errors.Is(err, errNoRoute) {
		return newRefusal(refusedNoRoute, codes.PermissionDenied, 0, fmt.Sprintf("the tenant has no destination for %s", signal))
	}
	// The operator's mistake must not cost the tenant its data.
	return newRefusal(refusedUnknownDestination, codes.Unavailable, retryLater, fmt.Sprintf("the route of the tenant's %s does not work", signal))
}

func offerRefusal(err error) *refusal {
	var full *lane.FullError
	var large *lane.TooLargeError
	var space *lane.SpaceError
	switch {
	case errors.As(err, &space):
		return newRefusal(refusedDisk, codes.Unavailable, retryDisk, space.Error())
	case isDiskFull(err):
		return newRefusal(refusedDisk, codes.Unavailable, retryDisk, "the gateway's disk is full at present")
	case errors.As(err, &full):
		return newRefusal(refusedFull, codes.ResourceExhausted, min(max(full.RetryAfter, retrySoon), retryLater), full.Error())
	case errors.As(err, &large):
		return tooLarge(large)
	case errors.Is(err, lane.ErrShutdown):
		return errNotRunning
	}
	// The cause is the operator's business: it is in the log.
	return newRefusal(refusedStorage, codes.Unavailable, retrySoon, "the gateway cannot store data at present")
}

// err returns the refusal as a gRPC status, which receivers turn into their
// protocol. What must not be tried again is marked permanent.
func (e *refusal) err() error {
	st := status.New(e.code, e.text)
	if e.retry == 0 {
		return &final{status: st, cause: consumererror.NewPermanent(st.Err())}
	}
	// Never below a second, because over HTTP the delay is cut to whole seconds.
	wait := max(time.Second, time.Duration(float64(e.retry)*(0.5+rand.Float64())))
	if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}); err == nil {
		st = with
	}
	return st.Err()
}

// final is an answer that must not be tried again. A permanent error alone would
// show its caller "Permanent error: rpc error: code = … desc = …".
type final struct {
	status *status.Status
	cause  error
}

// Error implements error. The text reaches the caller.
func (f *final) Error() string { return f.status.Message() }

// GRPCStatus is how the status package finds code and message.
func (f *final) GRPCStatus() *status.Status { return f.status }

// Unwrap makes the refusal permanent in the eyes of consumererror.
func (f *final) Unwrap() error { return f.cause }

// refusals counts refused requests by signal and reason.
type refusals [3][numRefusals]atomic.Int64

// reportStorage logs why storage fails, which callers do not see, now and then.
func (r *router) reportStorage(err error) {
	var failed *lane.StoreError
	if space := (*lane.SpaceError)(nil); errors.As(err, &space) || isDiskFull(err) {
		r.want.refused(time.Now(), r.set.Logger, r.usage)
		return
	}
	if !errors.As(err, &failed) {
		return
	}
	now, last := time.Now().Unix(), r.reported.Load()
	if now-last >= int64(reportInterval/time.Second) && r.reported.CompareAndSwap(last, now) {
		r.set.Logger.Error("Storage does not take data; requests are refused", zap.Error(failed.Err))
	}
}

func (r *router) refuse(signal tenant.Signal, err error) error {
	var e *refusal
	if !errors.As(err, &e) {
		return err
	}
	r.refusals[signal][e.reason].Add(1)
	return e.err()
}
