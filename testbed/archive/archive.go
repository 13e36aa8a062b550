// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package archive reads what archive destinations wrote: OTLP JSON lines under
// tenant=<id>/signal=<signal>/.
package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Handler receives each line of an archive with the tenant and file it was
// found under. A nil function skips its signal.
type Handler struct {
	Logs    func(tenant, file string, ld plog.Logs) error
	Metrics func(tenant, file string, md pmetric.Metrics) error
	Traces  func(tenant, file string, td ptrace.Traces) error
}

// Reader follows one archive directory. It is not safe for concurrent use.
type Reader struct {
	dir     string
	offsets map[string]int64
}

// NewReader returns a reader of dir that starts at the beginning of each file.
func NewReader(dir string) *Reader { return &Reader{dir: dir, offsets: make(map[string]int64)} }

// Poll hands every whole line that was written since the last Poll to h. A
// directory that does not exist yet is empty.
func (r *Reader) Poll(h Handler) error {
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() || !strings.HasSuffix(path, ".jsonl"):
			return nil
		}
		return r.file(path, h)
	})
	if err != nil {
		return fmt.Errorf("reading archive: %w", err)
	}
	return nil
}

func (r *Reader) file(path string, h Handler) error {
	rel, err := filepath.Rel(r.dir, path)
	if err != nil {
		return err
	}
	var tenant, signal string
	for _, part := range strings.Split(filepath.ToSlash(rel), "/") {
		if v, ok := strings.CutPrefix(part, "tenant="); ok {
			tenant = v
		} else if v, ok := strings.CutPrefix(part, "signal="); ok {
			signal = v
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(r.offsets[path], io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	for {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return nil
		}
		if err := line(tenant, signal, path, data[:end], h); err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		r.offsets[path] += int64(end) + 1
		data = data[end+1:]
	}
}

func line(tenant, signal, path string, raw []byte, h Handler) error {
	switch signal {
	case "logs":
		if h.Logs == nil {
			return nil
		}
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(raw)
		if err != nil {
			return err
		}
		return h.Logs(tenant, path, ld)
	case "metrics":
		if h.Metrics == nil {
			return nil
		}
		md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(raw)
		if err != nil {
			return err
		}
		return h.Metrics(tenant, path, md)
	case "traces":
		if h.Traces == nil {
			return nil
		}
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw)
		if err != nil {
			return err
		}
		return h.Traces(tenant, path, td)
	}
	return fmt.Errorf("unknown signal %q", signal)
}
