// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

//go:embed gateway.yaml
var config []byte

// gateway is the built gateway under test.
type gateway struct {
	*process.Process
	dir, http, metrics, pprof string
}

func startGateway(ctx context.Context, build, dir string) (*gateway, error) {
	free, err := process.FreeAddresses(4)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p, err := process.Start(ctx, process.Settings{
		Path: filepath.Join(build, "otelcol-tenant"), Args: []string{"--config", path},
		Env: map[string]string{
			"DIR": dir, "OTLP_HTTP_ENDPOINT": free[0], "METRICS_PORT": process.Port(free[1]), "PPROF_ENDPOINT": free[2],
			"HEALTH_ENDPOINT": free[3],
			// Every series is wanted, not a sum of those above a limit.
			"OTEL_GO_X_CARDINALITY_LIMIT": "0",
		},
		Health: "http://" + free[3] + "/health", LogFile: filepath.Join(dir, "gateway.log"),
	})
	if err != nil {
		return nil, err
	}
	return &gateway{Process: p, dir: dir, http: free[0], metrics: free[1], pprof: free[2]}, nil
}

func (g *gateway) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return g.Stop(ctx)
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

var (
	heapLine      = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)`)
	goroutineLine = regexp.MustCompile(`^goroutine profile: total (\d+)`)
	rssLine       = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB`)
)

func number(text []byte, pattern *regexp.Regexp) (float64, error) {
	found := pattern.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("nothing matches %s", pattern)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// sample looks at the running process.
func (g *gateway) sample(ctx context.Context) (s sample, err error) {
	heap, err := get(ctx, "http://"+g.pprof+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return s, err
	}
	if s.values[heapBytes], err = number(heap, heapLine); err != nil {
		return s, err
	}
	routines, err := get(ctx, "http://"+g.pprof+"/debug/pprof/goroutine?debug=1")
	if err != nil {
		return s, err
	}
	if s.values[goroutines], err = number(routines, goroutineLine); err != nil {
		return s, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.Pid()))
	if err != nil {
		return s, err
	}
	kib, err := number(status, rssLine)
	if err != nil {
		return s, err
	}
	s.values[rssBytes] = kib * 1024
	if err := g.countFiles(&s); err != nil {
		return s, err
	}
	metrics, err := get(ctx, "http://"+g.metrics+"/metrics")
	if err != nil {
		return s, err
	}
	return s, s.readMetrics(string(metrics))
}

// countFiles counts what the process has open.
func (g *gateway) countFiles(s *sample) error {
	dir := fmt.Sprintf("/proc/%d/fd", g.Pid())
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		s.values[openFiles]++
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		switch {
		case strings.HasPrefix(target, filepath.Join(g.dir, "data")):
			s.values[archiveFiles]++
		case strings.HasPrefix(target, filepath.Join(g.dir, "state", "dead-letters")):
			s.values[letterFiles]++
		case strings.HasPrefix(target, "socket:"):
			s.values[sockets]++
		}
	}
	return nil
}

// readMetrics takes the gateway's own metrics in Prometheus' text form.
func (s *sample) readMetrics(text string) error {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		s.values[series]++
		if strings.Contains(line, `otel_metric_overflow="true"`) {
			return fmt.Errorf("the metrics are over the SDK's limit: %s", line)
		}
		for name, at := range map[string]int{
			"otelcol_exporter_tenant_routing_lanes{": lanes, "otelcol_exporter_tenant_routing_queued_bytes{": queuedBytes,
		} {
			if strings.HasPrefix(line, name) {
				v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
				if err != nil {
					return err
				}
				s.values[at] += v
			}
		}
	}
	return lines.Err()
}
