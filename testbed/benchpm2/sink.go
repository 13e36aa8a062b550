// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// attributeWritten is the field in which paced lines say when they were written, in
// nanoseconds since the epoch.
const attributeWritten = "written"

// sink is an OTLP HTTP server on loopback that counts records, and notes how old those
// are that say when they were written.
type sink struct {
	server  *http.Server
	url     string
	records atomic.Int64

	mu   sync.Mutex
	ages []time.Duration
}

func newSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{url: "http://" + l.Addr().String()}
	s.server = &http.Server{Handler: http.HandlerFunc(s.take), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	z, err := zstd.NewReader(r.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer z.Close()
	data, err := io.ReadAll(z)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req := plogotlp.NewExportRequest()
	if err := req.UnmarshalProto(data); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.note(req.Logs(), time.Now())
	s.records.Add(int64(req.Logs().LogRecordCount()))
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(http.StatusOK)
}

func (s *sink) note(logs plog.Logs, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, rec := range sl.LogRecords().All() {
				if at, ok := rec.Attributes().Get(attributeWritten); ok {
					s.ages = append(s.ages, now.Sub(time.Unix(0, number(at))))
				}
			}
		}
	}
}

// number reads what was an integer: contrib's JSON parser makes a double of it.
func number(v pcommon.Value) int64 {
	if v.Type() == pcommon.ValueTypeDouble {
		return int64(v.Double())
	}
	return v.Int()
}
