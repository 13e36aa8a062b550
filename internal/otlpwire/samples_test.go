// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatasample"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// sample returns a request of the signal as an application sends it, with n records.
func sample(tb testing.TB, signal tenant.Signal, json bool, n int) []byte {
	tb.Helper()
	encode := pdatasample.Proto
	if json {
		encode = pdatasample.JSON
	}
	data, err := encode(signal, n, pdatasample.Resource)
	require.NoError(tb, err)
	return data
}
