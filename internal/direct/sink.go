// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package direct

import (
	"context"

	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Sink is the exporter. It is safe for concurrent use.
type Sink interface {
	// Attribute returns the resource attribute that names the tenant.
	Attribute() string

	// ConsumeEncoded accepts the whole request or none of it. All of its resources belong to
	// the tenant id. The sink owns e.Data from then on.
	ConsumeEncoded(ctx context.Context, signal tenant.Signal, id tenant.ID, e *stamp.Encoded) error
}
