// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

// sink is the backend of every tenant. It counts records by the tenant in the path, and discards
// them.
type sink struct {
	url    string
	server *http.Server
	byID   map[string]*atomic.Int64 // not changed after newSink
	total  atomic.Int64
	bad    atomic.Int64 // requests of unknown tenants, or not OTLP
	zstd   *zstd.Decoder
	gzips  sync.Pool
}

func newSink(list []customer) (*sink, error) {
	s := &sink{byID: make(map[string]*atomic.Int64, len(list))}
	for _, c := range list {
		s.byID[c.ID] = new(atomic.Int64)
	}
	return s, s.serve(s)
}

// serve starts to serve h.
func (s *sink) serve(h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if s.zstd, err = zstd.NewReader(nil); err != nil {
		return errors.Join(err, l.Close())
	}
	s.url = "http://" + l.Addr().String()
	s.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with close
	return nil
}

func (s *sink) close() {
	_ = s.server.Close()
	s.zstd.Close()
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	counter := s.byID[id]
	body, err := s.body(r)
	if err == nil && counter != nil {
		var n int64
		if n, err = countRecords(body); err == nil {
			counter.Add(n)
			s.total.Add(n)
			w.Header().Set("Content-Type", "application/x-protobuf")
			return
		}
	}
	s.bad.Add(1)
	http.Error(w, "bad request", http.StatusBadRequest)
}

func (s *sink) body(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch r.Header.Get("Content-Encoding") {
	case "":
		return raw, nil
	case "zstd":
		return s.zstd.DecodeAll(raw, nil)
	case "gzip":
		reader, ok := s.gzips.Get().(*gzip.Reader)
		if !ok {
			reader = new(gzip.Reader)
		}
		defer s.gzips.Put(reader)
		if err := reader.Reset(strings.NewReader(string(raw))); err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	}
	return nil, fmt.Errorf("content encoding %q", r.Header.Get("Content-Encoding"))
}

// countRecords counts the log records of an OTLP export request without decoding
// them: resource_logs (1) of the request, scope_logs (2), log_records (2).
func countRecords(request []byte) (int64, error) { return countFields(request, 1, 2, 2) }

func countFields(b []byte, field protowire.Number, deeper ...protowire.Number) (int64, error) {
	total := int64(0)
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, errors.New("not a protobuf message")
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return 0, errors.New("not a protobuf message")
		}
		if number == field && kind == protowire.BytesType {
			if len(deeper) == 0 {
				total++
			} else {
				value, _ := protowire.ConsumeBytes(b)
				inner, err := countFields(value, deeper[0], deeper[1:]...)
				if err != nil {
					return 0, err
				}
				total += inner
			}
		}
		b = b[n:]
	}
	return total, nil
}
