// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of /proc/<pid>/stat on every Linux that Go runs on.
const ticksPerSecond = 100

// cpuTime returns the user and system time that a process has used.
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	return parseStat(string(text))
}

func parseStat(text string) (time.Duration, error) {
	// The name in parentheses may contain any character. Fields are counted after it.
	_, rest, ok := cutLast(text, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, errors.New("not a stat file")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticksPerSecond, errors.Join(err1, err2)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// peakRSS returns the peak of the resident set of a process, in bytes.
func peakRSS(pid int) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	return parseStatus(text)
}

func parseStatus(text []byte) (int64, error) {
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(value)), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmHWM in the status of the process")
}

// liveBytes returns the bytes on the heap and the stacks of a process after a garbage collection,
// from its pprof endpoint.
func liveBytes(ctx context.Context, pprof string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+pprof+"/debug/pprof/heap?gc=1&debug=1", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return parseHeap(resp.Body)
}

func parseHeap(r io.Reader) (int64, error) {
	var heap, stack int64
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); ok {
			heap, _ = strconv.ParseInt(v, 10, 64)
		}
		if v, ok := strings.CutPrefix(lines.Text(), "# Stack = "); ok {
			v, _, _ = strings.Cut(v, " ")
			stack, _ = strconv.ParseInt(v, 10, 64)
		}
	}
	if heap == 0 || stack == 0 {
		return 0, errors.Join(errors.New("no memory statistics in the heap profile"), lines.Err())
	}
	return heap + stack, nil
}

// saveProfile writes the CPU profile of the next d to path.
func saveProfile(ctx context.Context, pprof, path string, d time.Duration) error {
	return saveFrom(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", pprof, int(d.Seconds())), path)
}

// saveAllocations writes the profile of all allocations to path.
func saveAllocations(ctx context.Context, pprof, path string) error {
	return saveFrom(ctx, "http://"+pprof+"/debug/pprof/allocs", path)
}

func saveFrom(ctx context.Context, url, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// machine describes the machine of the measurement.
func machine() string {
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(text) {
			if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s", model, runtime.NumCPU(), runtime.Version())
}
