// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

// loggers are the corpus files whose lines both receivers can take apart. Every
// line is written as a record of its own, as PM2 does in cluster mode: contrib has
// nothing that takes a record of several lines apart or puts a split line together.
var loggers = []string{"orders-api-out.log", "billing-out.log", "billing-error.log", "catalog-out.log", "web-out.log"}

// manifest is what files hold.
type manifest struct{ lines, bytes int64 }

// records returns, for each of the loggers, the corpus as one text of as many lines
// as the application wrote.
func records(corpus string) ([][]byte, error) {
	all := make([][]byte, 0, len(loggers))
	for _, name := range loggers {
		expected, err := pm2corpus.Load(filepath.Join(corpus, name))
		if err != nil {
			return nil, err
		}
		var text []byte
		for i := range expected {
			e := &expected[i]
			if e.Line == "" || len(e.Flags) > 0 {
				continue // nothing that PM2 had split
			}
			if text, err = appendRecord(text, e); err != nil {
				return nil, err
			}
		}
		all = append(all, text)
	}
	return all, nil
}

func appendRecord(dst []byte, e *pm2corpus.Expected) ([]byte, error) {
	kind := "out"
	if e.Stream == "stderr" {
		kind = "err"
	}
	id := 0
	if e.ProcessID != nil {
		id = *e.ProcessID
	}
	message, err := json.Marshal(e.Line + "\n")
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(dst, `{"message":%s,"timestamp":%q,"type":%q,"process_id":%d,"app_name":%q}`+"\n", message, e.PM2TS, kind, id, e.App), nil
}

// inflate writes about size bytes of PM2 log files to dir: every text again and again.
func inflate(dir string, texts [][]byte, size int64) (m manifest, err error) {
	for i, name := range loggers {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return m, err
		}
		w := bufio.NewWriterSize(f, 1<<20)
		for end := m.bytes + size/int64(len(loggers)); m.bytes < end; {
			if _, err := w.Write(texts[i]); err != nil {
				return m, err
			}
			m.bytes += int64(len(texts[i]))
			m.lines += lines(texts[i])
		}
		if err := w.Flush(); err != nil {
			return m, err
		}
		if err := f.Close(); err != nil {
			return m, err
		}
	}
	return m, nil
}

func lines(text []byte) (n int64) {
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}
