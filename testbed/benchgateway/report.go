// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const mib = 1 << 20

// compare runs all subjects alternately, several times, and prints their medians.
func (b *bench) compare(ctx context.Context, subjects []subject, tenants int) error {
	all := make([][]result, len(subjects))
	for n := range b.runs {
		for i, s := range subjects {
			r, err := b.measure(ctx, s, tenants, false)
			if err != nil {
				return err
			}
			progress(s.name, tenants, n, r, b.requests)
			all[i] = append(all[i], r)
		}
	}
	fmt.Printf("| %d tenants | records per CPU second | ratio | peak RSS | ratio | start | CPU to start | refused and repeated |\n|---|---:|---:|---:|---:|---:|---:|---:|\n", tenants)
	baseSpeed, basePeak := 0.0, 0.0
	for i, s := range subjects {
		speed := median(all[i], func(r result) float64 { return b.speed(r) })
		peak := median(all[i], func(r result) float64 { return float64(r.peak) })
		if i == 0 {
			baseSpeed, basePeak = speed, peak
		}
		fmt.Printf("| %s | %.0f | %.2f | %.0f MiB | 1/%.2f | %.2f s | %.2f s | %.0f |\n", s.title, speed, speed/baseSpeed, peak/mib, basePeak/peak,
			median(all[i], func(r result) float64 { return r.start.Seconds() }),
			median(all[i], func(r result) float64 { return r.startCPU.Seconds() }),
			median(all[i], func(r result) float64 { return float64(r.refused) }))
	}
	fmt.Println()
	return nil
}

func (b *bench) speed(r result) float64 {
	return float64(b.requests*recordsPerRequest) / max(r.cpu.Seconds(), 1.0/ticksPerSecond)
}

// grow runs one subject with different numbers of tenants, and prints the cost of a request and of
// an idle tenant.
func (b *bench) grow(ctx context.Context, s subject, sizes []int) error {
	all := make([][]result, len(sizes))
	for n := range b.runs {
		for i, tenants := range sizes {
			r, err := b.measure(ctx, s, tenants, true)
			if err != nil {
				return err
			}
			progress(s.name, tenants, n, r, b.requests)
			all[i] = append(all[i], r)
		}
	}
	fmt.Printf("| %s | CPU per request | ratio | peak RSS | per idle tenant, lane closed | per idle tenant, lane open | CPU to start |\n|---|---:|---:|---:|---:|---:|---:|\n", s.title)
	get := func(i int, value func(r result) float64) float64 { return median(all[i], value) }
	for i, tenants := range sizes {
		perRequest := func(i int) float64 {
			return get(i, func(r result) float64 { return float64(r.cpu.Microseconds()) / float64(b.requests) })
		}
		closed, open := "", ""
		if i > 0 {
			more := float64(tenants - sizes[0])
			idle := func(r result) float64 { return float64(r.idle) }
			opened := func(r result) float64 { return float64(r.open) }
			closed = fmt.Sprintf("%.1f KiB", (get(i, idle)-get(0, idle))/more/1024)
			open = fmt.Sprintf("%.1f KiB", (get(i, opened)-get(0, opened))/more/1024)
		}
		fmt.Printf("| %d tenants | %.0f µs | %.2f | %.0f MiB | %s | %s | %.2f s |\n", tenants, perRequest(i), perRequest(i)/perRequest(0),
			get(i, func(r result) float64 { return float64(r.peak) })/mib, closed, open,
			get(i, func(r result) float64 { return r.startCPU.Seconds() }))
	}
	fmt.Println()
	return nil
}

func progress(name string, tenants, run int, r result, requests int) {
	fmt.Fprintf(os.Stderr, "%s, %d tenants, run %d: %.0f µs CPU per request, %d MiB, ready after %s\n",
		name, tenants, run+1, float64(r.cpu.Microseconds())/float64(requests), r.peak/mib, r.start.Round(10*time.Millisecond))
}

func median[T any](results []T, value func(T) float64) float64 {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = value(r)
	}
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

// numbers parses a list such as "100,1000". An empty text is an empty list.
func numbers(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a positive number", part)
		}
		list = append(list, n)
	}
	return list, nil
}
