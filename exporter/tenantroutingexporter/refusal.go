package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
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
	refusedTenants
	refusedMigration
	numRefusals
)

var refusalNames = [numRefusals]string{
	"shutdown", "no_registry", "no_tenant", "tenant_mismatch", "unknown_tenant", "tenant_not_active",
	"no_route", "unknown_destination", "full", "too_large", "storage", "malformed", "panic", "disk_full",
	"too_many_tenants", "migration",
}

// posted returns the word for the reason on boards of rejections, on which other
// components have words for some of the reasons too.
func (reason refusalReason) posted() string {
	switch reason {
	case refusedNotActive:
		return rejection.Suspended.String()
	case refusedFull:
		return rejection.LaneFull.String()
	case refusedShutdown:
		return rejection.Stopping.String()
	}
	return refusalNames[reason]
}

// refusal is an answer to a caller. Its text names the rule and never a secret
// or another tenant.
type refusal struct {
	reason refusalReason
	answer rejection.Reason
	text   string
	retry  time.Duration // about this long, if answer is retryable
}

// Error implements error.
func (e *refusal) Error() string { return e.text }

func newRefusal(reason refusalReason, answer rejection.Reason, retry time.Duration, text string) *refusal {
	return &refusal{reason: reason, answer: answer, text: text, retry: retry}
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
	errNotRunning    = newRefusal(refusedShutdown, rejection.Stopping, retrySoon, "the gateway is shutting down")
	errNoRegistry    = newRefusal(refusedNoRegistry, rejection.NotLoaded, retrySoon, "the tenant registry has not been loaded yet")
	errMismatch      = newRefusal(refusedMismatch, rejection.Forbidden, 0, "the data is of another tenant than the key")
	errUnknownTenant = newRefusal(refusedUnknownTenant, rejection.Forbidden, 0, "the tenant is not known")
	errMigrating     = newRefusal(refusedMigration, rejection.Downstream, retrySoon, "what an earlier version has queued is being taken over")
	errPanic         = newRefusal(refusedPanic, rejection.Panic, 0, "internal error: the data cannot be handled")
	errNotActive     = newRefusal(refusedNotActive, rejection.Suspended, 0, "the tenant is suspended")
)

func noTenant(attribute string) *refusal {
	return newRefusal(refusedNoTenant, rejection.Malformed, 0, fmt.Sprintf("the data has no tenant: a resource lacks the attribute %q", attribute))
}

func badTenant(err error) *refusal {
	return newRefusal(refusedNoTenant, rejection.Malformed, 0, "the data names no tenant: "+err.Error())
}

func tooManyTenants(most int) *refusal {
	return newRefusal(refusedTenants, rejection.Downstream, retryLater, fmt.Sprintf("%d other tenants have data here (max_tenants)", most))
}

func malformed(err error) *refusal {
	return newRefusal(refusedMalformed, rejection.Malformed, 0, "encoding the data: "+err.Error())
}

func tooLarge(err error) *refusal {
	return newRefusal(refusedTooLarge, rejection.TooLarge, 0, err.Error())
}

func routeRefusal(err error, signal tenant.Signal) *refusal {
	if errors.Is(err, errNoRoute) {
		return newRefusal(refusedNoRoute, rejection.Forbidden, 0, fmt.Sprintf("the tenant has no destination for %s", signal))
	}
	// The operator's mistake must not cost the tenant its data.
	return newRefusal(refusedUnknownDestination, rejection.Downstream, retryLater, fmt.Sprintf("the route of the tenant's %s does not work", signal))
}

func offerRefusal(err error) *refusal {
	var full *lane.FullError
	var large *lane.TooLargeError
	var space *lane.SpaceError
	switch {
	case errors.As(err, &space):
		return newRefusal(refusedDisk, rejection.Downstream, retryDisk, space.Error())
	case isDiskFull(err):
		return newRefusal(refusedDisk, rejection.Downstream, retryDisk, "the collector's disk is full at present")
	case errors.As(err, &full):
		return newRefusal(refusedFull, rejection.LaneFull, min(max(full.RetryAfter, retrySoon), retryLater), full.Error())
	case errors.As(err, &large):
		return tooLarge(large)
	case errors.Is(err, lane.ErrShutdown):
		return errNotRunning
	}
	// The cause is the operator's business: it is in the log.
	return newRefusal(refusedStorage, rejection.Downstream, retrySoon, "the gateway cannot store data at present")
}

// err returns the refusal as receivers understand it.
func (e *refusal) err() error {
	switch {
	case e.answer.Retryable():
		return rejection.Retry(e.answer, e.text, e.retry)
	case e.answer == rejection.TooLarge:
		return tooLargeError{rejection.New(e.answer, e.text)}
	}
	return rejection.New(e.answer, e.text)
}

// tooLargeError is a rejection to receivers that know it, which answer with 413 and
// RESOURCE_EXHAUSTED, so that senders split the request. To others it is INVALID_ARGUMENT:
// upstream's otlp answers RESOURCE_EXHAUSTED with a 429 over HTTP, on which callers send
// the same again.
type tooLargeError struct{ rejected *rejection.Error }

// Error implements error.
func (e tooLargeError) Error() string { return e.rejected.Error() }

// GRPCStatus is how receivers that do not know rejections find code and message.
func (e tooLargeError) GRPCStatus() *status.Status {
	return status.New(codes.InvalidArgument, e.Error())
}

// Unwrap returns the rejection.
func (e tooLargeError) Unwrap() error { return e.rejected }

// refusals counts refused requests by signal and reason.
type refusals [3][numRefusals]atomic.Int64

// reportStorage logs why storage fails, which callers do not see, now and then.
func (r *router) reportStorage(err error) {
	var failed *lane.StoreError
	if space := (*lane.SpaceError)(nil); errors.As(err, &space) || isDiskFull(err) {
		about := []zap.Field{zap.String("path", r.stateDir)}
		if space != nil {
			about = append(about, zap.String("tenant", string(space.Tenant)), zap.Stringer("signal", space.Signal))
		}
		r.want.refused(time.Now(), r.set.Logger, r.usage(), append(about, zap.Error(err))...)
		return
	}
	if !errors.As(err, &failed) {
		return
	}
	now, last := time.Now().Unix(), r.reported.Load()
	if now-last >= int64(reportInterval/time.Second) && r.reported.CompareAndSwap(last, now) {
		r.set.Logger.Error("Storage does not take data; requests of all tenants are refused", diskspace.Fault(r.stateDir, failed.Err)...)
	}
}

func (r *router) refuse(ctx context.Context, signal tenant.Signal, err error) error {
	var e *refusal
	if !errors.As(err, &e) {
		return err
	}
	r.refusals[signal][e.reason].Add(1)
	r.boards.Post(ctx, tenant.NewSignals(signal), e.reason.posted())
	return e.err()
}
