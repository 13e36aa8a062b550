// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// What is measured.
const (
	goroutines = iota
	heapBytes
	rssBytes
	openFiles
	sockets
	archiveFiles
	letterFiles
	lanes
	series
	queuedBytes
	numMeasures
)

// measures say by how much each may grow from the first half of what counts to
// the second: a share of what it was, and so much in any case. Queued bytes are
// what backends have not taken; they are shown and not judged.
var measures = [numMeasures]struct {
	name  string
	share float64
	slack float64
}{
	goroutines:   {"goroutines", 0.15, 60},
	heapBytes:    {"heap after GC", 0.15, 6 << 20},
	rssBytes:     {"resident memory", 0.20, 24 << 20},
	openFiles:    {"open files", 0.15, 60},
	sockets:      {"sockets", 0.15, 60},
	archiveFiles: {"open archive files", 0.10, 10},
	letterFiles:  {"open dead letter files", 0.15, 10},
	lanes:        {"open lanes", 0.15, 50},
	series:       {"metric series", 0.15, 500},
	queuedBytes:  {"queued bytes", -1, 0},
}

// sample is one look at the gateway.
type sample struct {
	at     time.Duration
	gone   int // tenants until then
	values [numMeasures]float64
}

// String returns a line for the terminal.
func (s sample) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6s %5d gone", s.at.Round(time.Second), s.gone)
	for i, v := range s.values {
		if strings.Contains(measures[i].name, "heap") || strings.Contains(measures[i].name, "memory") {
			fmt.Fprintf(&b, "  %s %.1f MiB", measures[i].name, v/(1<<20))
			continue
		}
		fmt.Fprintf(&b, "  %s %.0f", measures[i].name, v)
	}
	return b.String()
}

// minSamples is what a half must have for its median to say something.
const minSamples = 5

// report compares the first half of the samples after the warm-up with the
// second, median with median, so that a moment's peak decides nothing.
func report(w io.Writer, samples []sample, warmUp time.Duration) error {
	counted := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.at < warmUp })
	half := len(counted) / 2
	if half < minSamples {
		return fmt.Errorf("%d samples after the warm-up are too few", len(counted))
	}
	first, second := counted[:half], counted[len(counted)-half:]
	tenants := second[half/2].gone - first[half/2].gone
	fmt.Fprintf(w, "medians of two halves with %d tenants gone between them:\n", tenants)
	var errs []error
	for i, m := range measures {
		a, b := median(first, i), median(second, i)
		allowed := a*(1+m.share) + m.slack
		fmt.Fprintf(w, "  %-24s %14.0f %14.0f\n", m.name, a, b)
		if m.share >= 0 && b > allowed {
			errs = append(errs, fmt.Errorf("%s grow: %.0f, then %.0f, %.1f for each tenant that went", m.name, a, b, (b-a)/float64(max(tenants, 1))))
		}
	}
	return errors.Join(errs...)
}

func median(samples []sample, measure int) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = s.values[measure]
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func writeCSV(path string, samples []sample) error {
	var b strings.Builder
	b.WriteString("seconds,tenants gone")
	for _, m := range measures {
		b.WriteString("," + m.name)
	}
	b.WriteString("\n")
	for _, s := range samples {
		fmt.Fprintf(&b, "%.0f,%d", s.at.Seconds(), s.gone)
		for _, v := range s.values {
			fmt.Fprintf(&b, ",%.0f", v)
		}
		b.WriteString("\n")
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
