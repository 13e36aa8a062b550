// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// run measures each subject without and with failures, alternately, and prints the latencies of the
// unaffected tenants: the median of the runs' percentiles.
func (w *isolation) run(ctx context.Context, subjects []subject) error {
	type key struct {
		subject  int
		failures bool
	}
	runs := make(map[key][]latencies)
	for n := range w.runs {
		for i, s := range subjects {
			for _, failures := range []bool{false, true} {
				l, err := w.measure(ctx, s, failures)
				if err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "%s, failures %t, run %d: p99 of acceptance %s, of delivery %s, %d requests\n", s.name, failures, n+1,
					percentile(l.accept, 99).Round(100*time.Microsecond), percentile(l.deliver, 99).Round(100*time.Microsecond), len(l.deliver))
				runs[key{i, failures}] = append(runs[key{i, failures}], l)
			}
		}
	}
	fmt.Printf("%d unaffected tenants, %g requests per second each; with failures one backend hangs, one refuses connections, one responds with 503, one tenant sends %g times its share; `lane::batch::timeout: %s`\n\n",
		unaffected, w.rate, w.flood, w.batch)
	fmt.Printf("| | acceptance p50 | p99 | delivery p50 | p99 |\n|---|---:|---:|---:|---:|\n")
	for i, s := range subjects {
		var rows [2][]float64
		for j, failures := range []bool{false, true} {
			all := runs[key{i, failures}]
			for _, of := range []func(latencies) []time.Duration{
				func(l latencies) []time.Duration { return l.accept },
				func(l latencies) []time.Duration { return l.deliver },
			} {
				for _, p := range []int{50, 99} {
					rows[j] = append(rows[j], median(all, func(l latencies) float64 { return percentile(of(l), p).Seconds() * 1000 }))
				}
			}
		}
		fmt.Printf("| %s, quiet |%s\n", s.title, cells("%.1f ms", rows[0]))
		fmt.Printf("| with failures |%s\n", cells("%.1f ms", rows[1]))
		var ratios []float64
		for j := range rows[0] {
			ratios = append(ratios, rows[1][j]/rows[0][j])
		}
		fmt.Printf("| ratio |%s\n", cells("%.2f", ratios))
	}
	fmt.Println()
	return nil
}

func cells(format string, values []float64) string {
	text := ""
	for _, v := range values {
		text += " " + fmt.Sprintf(format, v) + " |"
	}
	return text
}

func percentile(d []time.Duration, p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
