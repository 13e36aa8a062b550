package guard

import (
	"runtime/metrics"
	"time"
)

// waits is a histogram of how long goroutines waited for a processor.
type waits struct {
	counts  []uint64
	buckets []float64 // seconds
}

// quantile of the waits that is looked at.
const waitQuantile = 0.9

// since returns how long nine of ten goroutines waited at most since an earlier
// measurement, or 0 if there were few.
func (w waits) since(old waits) time.Duration {
	if len(w.counts) != len(old.counts) {
		return 0
	}
	var total uint64
	for i, n := range w.counts {
		total += n - old.counts[i]
	}
	if total < leastWaits {
		return 0
	}
	rest := uint64(float64(total) * waitQuantile)
	for i, n := range w.counts {
		if n -= old.counts[i]; n > rest {
			return time.Duration(max(w.buckets[i], 0) * float64(time.Second))
		}
		rest -= w.counts[i] - old.counts[i]
	}
	return 0
}

// measureUsage returns what measures. It is not safe for concurrent use.
func measureUsage() func() usage {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	var turns [2][]uint64 // the sample is used again, and the last counts are still needed
	var n int
	return func() usage {
		u := usage{processor: processTime()}
		metrics.Read(sample)
		if sample[0].Value.Kind() == metrics.KindFloat64Histogram {
			h := sample[0].Value.Float64Histogram()
			n = 1 - n
			turns[n] = append(turns[n][:0], h.Counts...)
			u.waits = waits{counts: turns[n], buckets: h.Buckets}
		}
		return u
	}
}
