// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import "github.com/otelcol-tenant/otelcol-tenant/internal/tenant"

// Quotas returns the use of the limits of a tenant that has some. It must not block.
type Quotas func(t *tenant.Tenant) []Quota

// Quota is the use of one limit.
type Quota struct {
	Signal string  `json:"signal"` // all: over all signals
	Period string  `json:"period"` // day, month, or second for a rate
	Unit   string  `json:"unit"`   // records or bytes
	Limit  int64   `json:"limit"`
	Used   int64   `json:"used"`  // of a rate: 0
	Share  float64 `json:"share"` // used share; of a rate: that of its burst
}
