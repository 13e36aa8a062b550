// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"runtime/metrics"
	"time"
)

// usage is what a process has used since its start, and how long its goroutines have waited
// for a processor.
type usage struct {
	processor time.Duration // 0: unknown
	latencies latencies
}

// latencies is a histogram of the times that runnable goroutines waited for a processor.
type latencies struct {
	counts  []uint64
	buckets []float64 // seconds
}

const (
	latencyQuantile = 0.9

	// minLatencies is the number of waits below which a quantile means nothing.
	minLatencies = 20
)

// since returns the latencyQuantile of the waits since an earlier measurement, or 0 if there
// were fewer than minLatencies.
func (l latencies) since(old latencies) time.Duration {
	if len(l.counts) != len(old.counts) {
		return 0
	}
	var total uint64
	for i, n := range l.counts {
		total += n - old.counts[i]
	}
	if total < minLatencies {
		return 0
	}
	rest := uint64(float64(total) * latencyQuantile)
	for i, n := range l.counts {
		if n -= old.counts[i]; n > rest {
			return time.Duration(max(l.buckets[i], 0) * float64(time.Second))
		}
		rest -= l.counts[i] - old.counts[i]
	}
	return 0
}

// measureUsage returns a function that measures the usage of this process. The function is
// not safe for concurrent use, and its result is valid until the second next call.
func measureUsage() func() usage {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	var counts [2][]uint64 // metrics.Read reuses its sample, and the caller still needs the last counts
	var n int
	return func() usage {
		u := usage{processor: processTime()}
		metrics.Read(sample)
		if sample[0].Value.Kind() == metrics.KindFloat64Histogram {
			h := sample[0].Value.Float64Histogram()
			n = 1 - n
			counts[n] = append(counts[n][:0], h.Counts...)
			u.latencies = latencies{counts: counts[n], buckets: h.Buckets}
		}
		return u
	}
}
