// Command benchpm2 compares the pm2 receiver with contrib's filelog receiver: the
// same files, the same exporter, in turn, with CPU time and memory from the kernel.
//
//	go run ./testbed/benchpm2 -mb 200 -runs 5
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

func main() {
	var b bench
	flag.StringVar(&b.ours, "ours", "_build/otelcol-tenant", "binary with the pm2 receiver")
	flag.StringVar(&b.baseline, "baseline", "_build/baseline/otelcol-baseline", "binary with contrib's filelog receiver")
	flag.StringVar(&b.configs, "configs", "testbed/baseline", "folder with config.yaml and pm2.yaml")
	flag.StringVar(&b.corpus, "corpus", "testdata/pm2", "folder with PM2 log files")
	mb := flag.Int64("mb", 200, "megabytes of log files to read in a run")
	flag.IntVar(&b.runs, "runs", 5, "runs of each")
	flag.Parse()
	if err := b.run(*mb << 20); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type bench struct {
	ours, baseline, configs, corpus string
	runs                            int
	dir                             string
	lines                           int
	size                            int64
}

// result is one run.
type result struct {
	cpu     float64 // seconds
	wall    float64 // seconds
	rss     float64 // MiB, at its peak
	alloc   float64 // bytes allocated a record
	records int64
}

func (b *bench) run(size int64) error {
	dir, err := os.MkdirTemp("", "benchpm2")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir, b.size = dir, size
	if b.lines, err = inflate(dir, b.corpus, size); err != nil {
		return err
	}
	fmt.Printf("%d MB, %d lines in %d files, %d runs of each in turn; %s, %d CPUs\n\n", size>>20, b.lines, len(loggers), b.runs, cpuModel(), runtime.NumCPU())
	fmt.Println("| to | receiver | CPU s per million records | MB/s per core | bytes allocated per record | peak RSS MiB | wall s |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, exporter := range []string{"nop", "otlp_http"} {
		var ours, theirs []result
		for range b.runs {
			r, err := b.once(b.ours, "pm2.yaml", exporter)
			if err != nil {
				return err
			}
			ours = append(ours, r)
			if r, err = b.once(b.baseline, "config.yaml", exporter); err != nil {
				return err
			}
			theirs = append(theirs, r)
		}
		o, t := median(ours), median(theirs)
		b.row(exporter, "pm2", o)
		b.row(exporter, "filelog", t)
		fmt.Printf("| %s | ratio | %.1fx | | %.1fx | %.2f | |\n", exporter, t.cpu/o.cpu, t.alloc/o.alloc, o.rss/t.rss)
	}
	return nil
}

func (b *bench) row(exporter, name string, r result) {
	fmt.Printf("| %s | %s | %.2f | %.1f | %.0f | %.0f | %.1f |\n", exporter, name,
		r.cpu/float64(b.lines)*1e6, float64(b.size)/1e6/r.cpu, r.alloc, r.rss, r.wall)
}

// once reads all files with one binary and measures until every record is through.
func (b *bench) once(binary, config, exporter string) (result, error) {
	s, err := newSink()
	if err != nil {
		return result{}, err
	}
	defer s.server.Close()
	addrs, err := process.FreeAddresses(1)
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	begin := time.Now()
	p, err := process.Start(ctx, process.Settings{
		Path: binary, Args: []string{"--config", filepath.Join(b.configs, config)},
		Env: map[string]string{
			"BENCH_LOGS": b.dir, "BENCH_SINK": s.url, "BENCH_METRICS": process.Port(addrs[0]), "BENCH_EXPORTER": exporter,
		},
	})
	if err != nil {
		return result{}, err
	}
	defer func() { _ = p.Kill() }()
	for {
		select {
		case <-p.Done():
			return result{}, fmt.Errorf("%s ended: %s", binary, p.Tail(20))
		case <-ctx.Done():
			return result{}, fmt.Errorf("%s: %d of %d records after ten minutes: %s", binary, s.records.Load(), b.lines, p.Tail(20))
		case <-time.After(50 * time.Millisecond):
		}
		through := s.records.Load()
		if exporter == "nop" {
			through = int64(metric(addrs[0], "otelcol_receiver_accepted_log_records"))
		}
		if through < int64(b.lines) {
			continue
		}
		// What is still to come would be too much.
		time.Sleep(300 * time.Millisecond)
		r, err := usage(p.Pid())
		r.wall = time.Since(begin).Seconds()
		r.alloc = metric(addrs[0], "otelcol_process_runtime_total_alloc_bytes") / float64(b.lines)
		r.records = int64(metric(addrs[0], "otelcol_receiver_accepted_log_records"))
		if r.records != int64(b.lines) {
			return r, fmt.Errorf("%s: %d records, the files hold %d lines", binary, r.records, b.lines)
		}
		return r, err
	}
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

// usage reads CPU time and peak memory of a process from the kernel.
func usage(pid int) (result, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return result{}, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return result{}, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	if err != nil {
		return result{}, err
	}
	r := result{cpu: (user + system) / 100}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return result{}, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				return result{}, err
			}
			r.rss = kb / 1024
		}
	}
	return r, nil
}

func median(all []result) result {
	pick := func(f func(result) float64) float64 {
		var v []float64
		for _, r := range all {
			v = append(v, f(r))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return result{
		cpu: pick(func(r result) float64 { return r.cpu }), wall: pick(func(r result) float64 { return r.wall }),
		rss: pick(func(r result) float64 { return r.rss }), alloc: pick(func(r result) float64 { return r.alloc }),
	}
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
