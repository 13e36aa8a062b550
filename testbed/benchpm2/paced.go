// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// tick is how often a feed writes.
const tick = 10 * time.Millisecond

// warmUp is how long a subject is given to start before it is measured.
const warmUp = 2 * time.Second

// paced measures a steady rate of lines.
func (b *bench) paced() error {
	ours, baseline, err := b.feedInTurn("otlp_http", b.rate)
	if err != nil {
		return err
	}
	o, t := median(ours), median(baseline)
	fmt.Printf("\n%d lines a second for %v to otlp_http\n\n", b.rate, b.duration)
	fmt.Println("| receiver | CPU s | of a core | peak RSS MiB | peak of own memory MiB |")
	fmt.Println("|---|---:|---:|---:|---:|")
	for _, x := range []struct {
		name string
		r    result
	}{{b.ours.name, o}, {b.baseline.name, t}} {
		fmt.Printf("| %s | %.2f | %.1f %% | %.0f | %.0f |\n", x.name, x.r.cpu, 100*x.r.cpu/b.duration.Seconds(), x.r.rss, x.r.own)
	}
	fmt.Printf("| ratio | 1/%.1f | | %.2f | %.2f |\n", t.cpu/o.cpu, o.rss/t.rss, o.own/t.own)
	return nil
}

// latency measures from the write of a line to the arrival of its record at the
// server. The exporter has no queue, so that the receiver's next consumer accepts a
// record after it has arrived: the time to its acceptance is longer by the server's
// answer alone.
func (b *bench) latency() error {
	ours, baseline, err := b.feedInTurn("otlp_http/direct", b.latencyRate)
	if err != nil {
		return err
	}
	o, t := median(ours), median(baseline)
	fmt.Printf("\nFrom a line's write to its arrival, %d lines a second for %v\n\n", b.latencyRate, b.duration)
	fmt.Println("| receiver | p50 ms | p99 ms | longest ms |")
	fmt.Println("|---|---:|---:|---:|")
	fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", b.ours.name, o.p50, o.p99, o.longest)
	fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", b.baseline.name, t.p50, t.p99, t.longest)
	return nil
}

func (b *bench) feedInTurn(exporter string, rate int) (ours, baseline []result, err error) {
	return b.inTurn(func(s *subject) (result, error) { return b.feedOnce(s, exporter, rate) })
}

// feedOnce writes at a rate while the subject reads.
func (b *bench) feedOnce(s *subject, exporter string, rate int) (result, error) {
	dir, err := os.MkdirTemp("", "benchpm2")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	f, err := newFeed(dir)
	if err != nil {
		return result{}, err
	}
	defer f.close()
	run, err := s.start(dir, exporter)
	if err != nil {
		return result{}, err
	}
	defer run.stop()
	if err := run.pause(warmUp); err != nil {
		return result{}, err
	}
	if run.before, err = usageOf(run.process.Pid()); err != nil {
		return result{}, err
	}
	written := make(chan error, 1)
	go func() { written <- f.write(rate, b.duration) }()
	if err := run.pause(b.duration); err != nil {
		return result{}, err
	}
	if err := <-written; err != nil {
		return result{}, err
	}
	if err := run.await(f.lines); err != nil {
		return result{}, err
	}
	r, err := run.measure(f.lines)
	if err != nil {
		return result{}, err
	}
	if err := run.sink.delays(f.lines, &r); err != nil {
		return result{}, err
	}
	return r, nil
}

// delays sets the percentiles of the ages of n records.
func (s *sink) delays(n int64, r *result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(len(s.ages)) != n {
		return fmt.Errorf("%d of %d records say when they were written", len(s.ages), n)
	}
	slices.Sort(s.ages)
	at := func(q float64) float64 { return float64(s.ages[int(q*float64(len(s.ages)-1))].Microseconds()) / 1000 }
	r.p50, r.p99, r.longest = at(0.5), at(0.99), at(1)
	return nil
}

// feed appends lines of pino to the files of some applications, as PM2 does.
type feed struct {
	files []*os.File
	lines int64
}

func newFeed(dir string) (*feed, error) {
	f := &feed{}
	for _, name := range loggers {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.files = append(f.files, file)
	}
	return f, nil
}

func (f *feed) close() error {
	var errs []error
	for _, file := range f.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// write appends at rate lines a second, in small writes to each file in turn. If the
// machine holds it up it writes what it has missed.
func (f *feed) write(rate int, duration time.Duration) error {
	begin := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	total := int64(float64(rate) * duration.Seconds())
	var buf []byte
	for f.lines < total {
		now := <-ticker.C
		due := min(int64(float64(rate)*now.Sub(begin).Seconds()), total) - f.lines
		for i, file := range f.files {
			share := due / int64(len(f.files))
			if i == 0 {
				share += due % int64(len(f.files))
			}
			buf = buf[:0]
			for range share {
				buf = appendLine(buf, time.Now(), f.lines)
				f.lines++
			}
			if _, err := file.Write(buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendLine appends a record of PM2 with a line of pino, as a web server writes one.
func appendLine(dst []byte, now time.Time, n int64) []byte {
	stamp := now.UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Appendf(dst, `{"message":"{\"level\":30,\"time\":%d,\"pid\":4711,\"hostname\":\"web-01\",\"service\":\"orders-api\",\"reqId\":\"req-%d\",`+
		`\"customer\":\"Zoë Müller\",\"trace_id\":\"%032x\",\"span_id\":\"%016x\",\"trace_flags\":\"01\",`+
		`\"req\":{\"method\":\"GET\",\"url\":\"/orders?page=%d\"},\"res\":{\"statusCode\":200},\"responseTime\":%d,\"%s\":%d,\"msg\":\"request completed\"}\n",`+
		`"timestamp":"%s","type":"out","process_id":0,"app_name":"orders-api"}`+"\n",
		now.UnixMilli(), n, n+1, n+1, n%100, n%50, attributeWritten, now.UnixNano(), stamp)
}
