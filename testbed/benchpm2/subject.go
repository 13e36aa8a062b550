// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// deadline is how long a run may take.
const deadline = 10 * time.Minute

// subject is a collector to measure.
type subject struct{ name, binary, config string }

// run is a subject at work.
type run struct {
	process        *process.Process
	sink           *sink
	exporter       string
	metrics, pprof string
	begin          time.Time
	before         usage
	own            float64 // the highest yet
	state          string  // folder
	cancel         context.CancelFunc
	ctx            context.Context
}

// start starts the subject on the files in dir.
func (s *subject) start(dir, exporter string) (*run, error) {
	sink, err := newSink()
	if err != nil {
		return nil, err
	}
	addrs, err := process.FreeAddresses(2)
	if err != nil {
		return nil, errors.Join(err, sink.server.Close())
	}
	state, err := os.MkdirTemp("", "benchpm2-state")
	if err != nil {
		return nil, errors.Join(err, sink.server.Close())
	}
	r := &run{state: state, sink: sink, exporter: exporter, metrics: addrs[0], pprof: addrs[1], begin: time.Now()}
	r.ctx, r.cancel = context.WithTimeout(context.Background(), deadline)
	r.process, err = process.Start(r.ctx, process.Settings{
		Path: s.binary, Args: []string{"--config", s.config},
		Env: map[string]string{
			"BENCH_LOGS": dir, "BENCH_SINK": sink.url, "BENCH_EXPORTER": exporter, "BENCH_STATE": state,
			"BENCH_METRICS": process.Port(addrs[0]), "BENCH_PPROF": process.Port(addrs[1]),
		},
	})
	if err != nil {
		r.cancel()
		return nil, errors.Join(err, sink.server.Close(), os.RemoveAll(state))
	}
	return r, nil
}

func (r *run) stop() {
	_ = r.process.Kill()
	_ = os.RemoveAll(r.state)
	_ = r.sink.server.Close()
	r.cancel()
}

// through returns how many records have come out.
func (r *run) through() int64 {
	if r.exporter == "nop" {
		return int64(metric(r.metrics, "otelcol_receiver_accepted_log_records"))
	}
	return r.sink.records.Load()
}

// await waits until n records have come out.
func (r *run) await(n int64) error {
	pause := 50 * time.Millisecond
	if r.exporter == "nop" {
		pause = 200 * time.Millisecond // to ask costs the subject CPU time
	}
	for r.through() < n {
		if err := r.pause(pause); err != nil {
			return fmt.Errorf("%d of %d records: %w", r.through(), n, err)
		}
	}
	// What is still to come would be too much.
	return r.pause(300 * time.Millisecond)
}

// pause sleeps and looks at the memory of the subject, whose highest value the kernel
// does not keep apart from the pages of its program file.
func (r *run) pause(d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		select {
		case <-r.process.Done():
			return fmt.Errorf("it ended: %s", r.process.Tail(2000))
		case <-r.ctx.Done():
			return fmt.Errorf("after %v: %w: %s", deadline, context.Cause(r.ctx), r.process.Tail(2000))
		case <-time.After(min(d, 50*time.Millisecond)):
		}
		u, err := usageOf(r.process.Pid())
		if err != nil {
			return err
		}
		r.own = max(r.own, u.own)
	}
	return nil
}

// measure returns what the run has used since before was taken, and checks that the
// receiver counted n records and the sink got as many.
func (r *run) measure(n int64) (result, error) {
	u, err := usageOf(r.process.Pid())
	if err != nil {
		return result{}, err
	}
	out := result{cpu: u.cpu - r.before.cpu, elapsed: time.Since(r.begin).Seconds(), rss: u.rss, own: r.own}
	if out.mallocs, out.allocated, err = allocations(r.pprof); err != nil {
		return result{}, err
	}
	accepted := int64(metric(r.metrics, "otelcol_receiver_accepted_log_records"))
	if accepted != n {
		return result{}, fmt.Errorf("%d records were accepted, the files hold %d lines", accepted, n)
	}
	if got := r.sink.records.Load(); r.exporter != "nop" && got != n {
		return result{}, fmt.Errorf("%d records arrived, the files hold %d lines", got, n)
	}
	return out, nil
}

// metric sums the values of a metric of a collector.
func metric(addr, name string) (sum float64) {
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, name); ok && (strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "_total")) {
			if v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64); err == nil {
				sum += v
			}
		}
	}
	return sum
}

// allocations returns how many objects and bytes a process has allocated, of what the
// pprof extension prints of runtime.MemStats.
func allocations(addr string) (objects, bytes float64, err error) {
	resp, err := http.Get("http://" + addr + "/debug/pprof/allocs?debug=1")
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok {
			continue
		}
		switch name {
		case "# Mallocs":
			objects, err = strconv.ParseFloat(value, 64)
		case "# TotalAlloc":
			bytes, err = strconv.ParseFloat(value, 64)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if objects == 0 || bytes == 0 {
		return 0, 0, errors.New("pprof reported no allocations")
	}
	return objects, bytes, nil
}
