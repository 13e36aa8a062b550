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

// inflate writes about size bytes of PM2 log files to dir and returns how many
// lines they hold.
func inflate(dir, corpus string, size int64) (lines int, err error) {
	for _, name := range loggers {
		n, err := inflateFile(filepath.Join(dir, name), filepath.Join(corpus, name), size/int64(len(loggers)))
		if err != nil {
			return 0, err
		}
		lines += n
	}
	return lines, nil
}

func inflateFile(to, from string, size int64) (lines int, err error) {
	expected, err := pm2corpus.Load(from)
	if err != nil {
		return 0, err
	}
	var records [][]byte
	for i := range expected {
		e := &expected[i]
		if e.Line == "" || len(e.Flags) > 0 {
			continue // nothing that PM2 had split
		}
		rec, err := record(e)
		if err != nil {
			return 0, err
		}
		records = append(records, rec)
	}
	f, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for written := int64(0); written < size; {
		for _, rec := range records {
			n, err := w.Write(rec)
			if err != nil {
				return 0, err
			}
			written += int64(n)
			lines++
		}
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return lines, f.Close()
}

func record(e *pm2corpus.Expected) ([]byte, error) {
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
	return fmt.Appendf(nil, `{"message":%s,"timestamp":%q,"type":%q,"process_id":%d,"app_name":%q}`+"\n", message, e.PM2TS, kind, id, e.App), nil
}
