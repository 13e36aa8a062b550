package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestRecord_RoundTrip(t *testing.T) {
	for _, packed := range []bool{false, true} {
		want := &record{
			tenant: "a", signal: tenant.Traces, records: 1 << 40, size: 12, sum: 99, packed: packed,
			accepted: time.Unix(0, -5), destinations: []string{"x", ""},
		}
		got, err := decodeRecord(want.encode())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add((&record{tenant: "a", records: 1, size: 2, accepted: time.Unix(1, 0), destinations: []string{"x"}}).encode())
	f.Add((&record{tenant: "b", packed: true, accepted: time.Unix(2, 0)}).encode())
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
