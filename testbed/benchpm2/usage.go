// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// usage is what the kernel says of a process.
type usage struct {
	cpu float64 // seconds
	rss float64 // MiB, at its peak
	own float64 // MiB now, without the pages of the program file
}

// result is one run.
type result struct {
	cpu, elapsed       float64 // seconds
	rss, own           float64 // MiB, at their peaks
	mallocs, allocated float64 // objects and bytes
	p50, p99, longest  float64 // milliseconds
}

func usageOf(pid int) (u usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	for _, ticks := range fields[11:13] { // user and system
		n, err := strconv.ParseFloat(ticks, 64)
		if err != nil {
			return u, err
		}
		u.cpu += n / 100
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		to := map[string]*float64{"VmHWM": &u.rss, "RssAnon": &u.own}[name]
		if to == nil {
			continue
		}
		kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
		if err != nil {
			return u, err
		}
		*to = kb / 1024
	}
	return u, nil
}

func median(all []result) result {
	pick := func(f func(*result) *float64) float64 {
		var v []float64
		for i := range all {
			v = append(v, *f(&all[i]))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	var m result
	for _, f := range []func(*result) *float64{
		func(r *result) *float64 { return &r.cpu }, func(r *result) *float64 { return &r.elapsed },
		func(r *result) *float64 { return &r.rss }, func(r *result) *float64 { return &r.own },
		func(r *result) *float64 { return &r.mallocs }, func(r *result) *float64 { return &r.allocated },
		func(r *result) *float64 { return &r.p50 }, func(r *result) *float64 { return &r.p99 },
		func(r *result) *float64 { return &r.longest },
	} {
		*f(&m) = pick(f)
	}
	return m
}

func cpuModel() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
