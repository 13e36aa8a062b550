// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package ratelimit enforces the limits of tenants: rates per second, and quotas of a day
// and a month. A [Limiter] counts alone, or shares its counts with other gateways in a
// store behind the interface [Script].
package ratelimit
