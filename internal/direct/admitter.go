// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package direct

import (
	"context"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
)

// Admitter is the tenant processor of one signal. It is safe for concurrent use.
type Admitter interface {
	// Attribute returns the resource attribute that names the tenant.
	Attribute() string

	// Admit decides whose data the request of ctx is. It returns nil if the processor rejects
	// the request. The request must then be decoded and passed to the processor, which counts
	// and answers the rejection.
	Admit(ctx context.Context) Admission
}

// Admission is what a tenant processor does with one request that it has admitted. It must not
// be used concurrently.
type Admission interface {
	// Stamp stamps an encoded request. The error is that of [stamp.Stamper.Encoded], or a
	// rejection.
	Stamp(ctx context.Context, data []byte, limits otlpwire.Limits) (stamp.Encoded, error)

	// Forward charges the limits of the tenant for what Stamp returned, which has records, and
	// passes it to sink. It returns a charge if sink rejects the request.
	Forward(ctx context.Context, e *stamp.Encoded, sink Sink) error
}
