// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package translate

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// BenchmarkMessage decodes and translates messages that Prometheus 3.16 sent of itself.
// testbed/benchdoors does the same the naive way.
func BenchmarkMessage(b *testing.B) {
	for name, v := range map[string]message.Version{"v1-b": message.V1, "v2": message.V2} {
		b.Run(name, func(b *testing.B) {
			data, err := os.ReadFile("../message/testdata/prometheus-" + name + ".sz")
			require.NoError(b, err)
			body, err := snappy.Decode(nil, data)
			require.NoError(b, err)
			m := newMemory()
			decode := func() (Result, error) {
				counts, err := message.Scan(v, body)
				if err != nil {
					return Result{}, err
				}
				builder := newBuilder(m, "a")
				d := message.Decoder{
					Series: builder.Add, Family: func(message.Family) error { return nil }, Reserve: func(int64) error { return nil },
				}
				err = d.Decode(v, counts, body)
				return builder.Finish(), err
			}
			r, err := decode()
			require.NoError(b, err)
			samples := float64(r.Metrics.DataPointCount())
			require.Positive(b, samples)
			allocs := testing.AllocsPerRun(10, func() { _, _ = decode() })
			began := cpuTime(b)
			for b.Loop() {
				if _, err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N)/samples, "cpu-ns/sample")
			b.ReportMetric(allocs/samples, "allocs/sample")
		})
	}
}

// cpuTime returns the processor time of the process, which unlike the time that passes does
// not depend on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
