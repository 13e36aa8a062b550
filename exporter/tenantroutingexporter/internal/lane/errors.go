// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ErrShutdown is returned by Offer once Shutdown has begun.
var ErrShutdown = errors.New("shutting down")

// FullError is the error of an offer that exceeds a bound at present.
type FullError struct {
	Tenant     tenant.ID
	Signal     tenant.Signal
	Rule       string // the configuration key of the bound
	Limit      bytesize.Size
	RetryAfter time.Duration // until the next attempt of the lane; zero: unknown
}

// Error implements error.
func (e *FullError) Error() string {
	return fmt.Sprintf("the %s queue of the tenant is full (%s: %s)", e.Signal, e.Rule, e.Limit)
}

// SpaceError is the error of an offer for which the disk has no space at present.
type SpaceError struct {
	Tenant tenant.ID
	Signal tenant.Signal
	Size   int64 // what the disk has no space for: a payload, in addition to what its tenant holds
}

// Error implements error.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("the collector's disk has no room for more %s of the tenant at present (storage_reserve)", e.Signal)
}

// TooLargeError is the error of an offer that is larger than an empty lane can hold.
type TooLargeError struct {
	Size, Limit bytesize.Size
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("request of %d bytes is larger than the tenant's queue (lane::max_bytes: %s)", e.Size, e.Limit)
}

// StoreError is the error of an offer that the store failed to keep.
type StoreError struct{ Err error }

// Error implements error.
func (e *StoreError) Error() string { return "failed to store accepted data: " + e.Err.Error() }

// Unwrap returns the store's own error.
func (e *StoreError) Unwrap() error { return e.Err }
