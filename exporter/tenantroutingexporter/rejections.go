// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// maxLaneDelay bounds the retry delay that a full lane asks for. Most senders give
	// up on longer delays.
	maxLaneDelay = 30 * time.Second

	// reportInterval is the shortest time between two reports of failing storage.
	reportInterval = 10 * time.Second
)

func badTenant(err error) error {
	return rejection.New(rejection.NoTenant, "the resource attribute that names the tenant is no tenant ID: "+err.Error())
}

func malformed(err error) error {
	return rejection.New(rejection.Malformed, "encoding the data: "+err.Error())
}

func tooLarge(err error) error { return rejection.New(rejection.TooLarge, err.Error()) }

func routeRejection(err error, signal tenant.Signal) error {
	if errors.Is(err, errNoRoute) {
		return rejection.Of(rejection.NoRoute, signal)
	}
	// The operator's mistake must not cost the tenant its data.
	return rejection.Of(rejection.UnknownDestination, signal)
}

// offerRejection returns the rejection for an error of [lane.Scheduler.Offer].
func offerRejection(err error) error {
	var full *lane.FullError
	var large *lane.TooLargeError
	var space *lane.SpaceError
	switch {
	case errors.As(err, &space):
		return rejection.New(rejection.DiskFull, space.Error())
	case isDiskFull(err):
		return rejection.Of(rejection.DiskFull)
	case errors.As(err, &full):
		return rejection.Retry(rejection.LaneFull, full.Error(), min(full.RetryAfter, maxLaneDelay))
	case errors.As(err, &large):
		return tooLarge(large)
	case errors.Is(err, lane.ErrShutdown):
		return rejection.Of(rejection.Stopping)
	}
	// The cause is for the operator. It is in the log.
	return rejection.Of(rejection.Storage)
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

// rejectedRequests counts rejected requests by signal and reason.
type rejectedRequests [3][rejection.NumReasons]atomic.Int64

// of returns how many requests of all signals were rejected for reason.
func (r *rejectedRequests) of(reason rejection.Reason) (n int64) {
	for _, signal := range tenant.AllSignals() {
		n += r[signal][reason].Load()
	}
	return n
}

// reject counts err, if it is a rejection, and returns it as receivers understand it.
func (r *router) reject(ctx context.Context, signal tenant.Signal, err error) error {
	var e *rejection.Error
	if !errors.As(err, &e) || e.Reason() == rejection.Canceled {
		return err
	}
	r.rejected[signal][e.Reason()].Add(1)
	r.boards.Post(ctx, rejection.Rejected{Signal: tenant.NewSignals(signal), Reason: e.Reason().String(), Text: e.Error(), Bytes: guard.Size(ctx)})
	if e.Reason() == rejection.TooLarge {
		return tooLargeError{e}
	}
	return e
}

// reportStorage logs why storage fails, which callers do not see, at most every
// reportInterval.
func (r *router) reportStorage(err error) {
	var failed *lane.StoreError
	if space := (*lane.SpaceError)(nil); errors.As(err, &space) || isDiskFull(err) {
		r.shortage.rejected(time.Now(), err, zap.String("path", r.stateDir))
		return
	}
	if !errors.As(err, &failed) {
		return
	}
	now, last := time.Now().Unix(), r.reported.Load()
	if now-last >= int64(reportInterval/time.Second) && r.reported.CompareAndSwap(last, now) {
		text := "Storage does not take data; requests of all tenants are rejected"
		if !r.cfg.hasRegistry() { // an agent
			text = "Storage does not take data"
		}
		r.set.Logger.Error(text, diskspace.Fault(r.stateDir, failed.Err)...)
	}
}
