// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// BenchmarkCheck compares the check of a request with what pdata takes to decode
// it.
func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct {
		signal  tenant.Signal
		records int
	}{{tenant.Logs, 100}, {tenant.Traces, 1000}, {tenant.Metrics, 1000}} {
		for _, json := range []bool{false, true} {
			encoding := map[bool]string{false: "proto", true: "json"}[json]
			data := sample(b, c.signal, json, c.records)
			name := fmt.Sprintf("%s/%d/%s", c.signal, c.records, encoding)
			b.Run(name+"/check", func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					_, err := check(c.signal, json, data, Limits{Depth: 64, Elements: 1 << 20, Memory: 1 << 30})
					require.NoError(b, err)
				}
			})
			b.Run(name+"/pdata", func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, unmarshal(c.signal, json, data))
				}
			})
		}
	}
}
