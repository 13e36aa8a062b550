// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestRecord_RoundTrip(t *testing.T) {
	for form := plain; form <= precompressed; form++ {
		want := &record{
			tenant: "a", signal: tenant.Traces, records: 1 << 40, size: 12, sum: 99, form: form,
			accepted: -5, destinations: []string{"x", ""},
		}
		got, err := decodeRecord(want.encode())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, form := range []form{plain - 1, precompressed + 1} {
		_, err := decodeRecord((&record{tenant: "a", form: form}).encode())
		require.ErrorIs(t, err, errRecord)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add((&record{tenant: "a", form: plain, records: 1, size: 2, accepted: 1e9, destinations: []string{"x"}}).encode())
	f.Add((&record{tenant: "b", form: packed, accepted: 2e9}).encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		again, err := decodeRecord(r.encode())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
