// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package cumulative converts delta metrics to cumulative ones, for backends that reject
// delta points, drop them, or store them as if they were totals.
//
// Every data point that a [Converter] emits has the sum of all deltas of its time series
// that were accepted since the start time it names. Points that cannot be added are
// dropped and counted by reason. Time series begin with a point of zero, so that the
// increase over the emitted points is the sum of the deltas.
package cumulative
