// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// largeBatch has payloads of one record of so many control characters each.
func largeBatch(t *testing.T, sizes ...int) *lane.Batch {
	t.Helper()
	b := &lane.Batch{Key: lane.Key{Tenant: "a", Destination: "d", Signal: tenant.Logs}}
	for _, n := range sizes {
		ld := plog.NewLogs()
		ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(strings.Repeat("\x01", n))
		data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
		b.Payloads = append(b.Payloads, data)
		b.Bytes += len(data)
		b.Records++
	}
	return b
}

// asPdata is a batch as pdata writes it in JSON.
func asPdata(t *testing.T, b *lane.Batch) string {
	t.Helper()
	r := plogotlp.NewExportRequest()
	require.NoError(t, r.UnmarshalProto(bytes.Join(b.Payloads, nil)))
	data, err := r.MarshalJSON()
	require.NoError(t, err)
	return string(data)
}

func overJSON(t *testing.T, url string, c configcompression.Type) *Destination {
	t.Helper()
	return overHTTP(t, profile(t, "otlp"), url, func(set *HTTPSettings) {
		set.Encoding, set.Client.Compression = EncodingJSON, c
	})
}

// TestSend_JSONOfAnySize has bodies that fit into a block, into memory and into neither.
func TestSend_JSONOfAnySize(t *testing.T) {
	for name, b := range map[string]*lane.Batch{
		"small":  largeBatch(t, 10, 20),
		"medium": largeBatch(t, 100_000, 20),
		"large":  largeBatch(t, 300_000, 20, 700_000),
	} {
		want := asPdata(t, b)
		for _, c := range []configcompression.Type{"none", "gzip", "zstd", "deflate"} {
			var got []byte
			var length int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				length = r.ContentLength
				decompressing(t, func(_ http.ResponseWriter, _ *http.Request, data []byte) { got = data }).ServeHTTP(w, r)
			}))
			if c == "deflate" { // which the client compresses, while it reads the body
				s.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					length = r.ContentLength
					body, err := zlib.NewReader(r.Body)
					if assert.NoError(t, err) {
						got, err = io.ReadAll(body)
						assert.NoError(t, err)
					}
				})
			}
			require.Equal(t, lane.Delivered, send(t, overJSON(t, s.URL, c), b).Verdict, "%s %s", name, c)
			s.Close()
			if want != string(got) { // too long to be shown
				t.Errorf("%s %s: %d bytes, want %d", name, c, len(got), len(want))
			}
			if c == "none" {
				assert.Equal(t, int64(len(want)), length)
			} else {
				assert.Less(t, length, int64(len(want)))
			}
		}
	}
}

// TestSend_JSONEndsWithItsRequest has backends that do not read the body: nothing goes
// on writing.
func TestSend_JSONEndsWithItsRequest(t *testing.T) {
	b := largeBatch(t, 4<<20)
	for name, handler := range map[string]http.HandlerFunc{
		"refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) },
		"hangs up": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		s := httptest.NewServer(handler)
		res := send(t, overJSON(t, s.URL, "none"), b)
		assert.NotEqual(t, lane.Delivered, res.Verdict, name)
		s.Close()
	}
	waitUntilNoneWrites(t)

	block := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	res := overJSON(t, s.URL, "none").Target(b.Key.Signal, template.Values{Tenant: b.Key.Tenant}).Send(ctx, b)
	assert.Equal(t, lane.Retry, res.Verdict)
	close(block)
	waitUntilNoneWrites(t)
}

func waitUntilNoneWrites(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "backend.(*written)")
	}, 10*time.Second, 10*time.Millisecond)
}

func TestWritten(t *testing.T) {
	writes := 0
	b := newWritten(func(w io.Writer) error {
		writes++
		_, err := w.Write([]byte("text"))
		return err
	})
	data, err := io.ReadAll(b)
	require.NoError(t, err)
	assert.Equal(t, "text", string(data))
	require.NoError(t, b.Close())

	closed := newWritten(func(io.Writer) error { t.Error("nobody reads it"); return nil })
	require.NoError(t, closed.Close())
	assert.Equal(t, 1, writes)

	failing := newWritten(func(io.Writer) error { return io.ErrUnexpectedEOF })
	_, err = io.ReadAll(failing)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// TestMemory_OfJSON writes 3 MiB of control characters, 18 MiB in JSON, everywhere.
func TestMemory_OfJSON(t *testing.T) {
	const limit = 9 << 20
	b := largeBatch(t, 3<<20)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	zstd := archiveDestination(t)
	zstd.archive.Compression = ArchiveCompressionZstd
	for name, run := range map[string]func(){
		"archive":    func() { require.Equal(t, lane.Delivered, send(t, archiveDestination(t), b).Verdict) },
		"zstd":       func() { require.Equal(t, lane.Delivered, send(t, zstd, b).Verdict) },
		"HTTP":       func() { require.Equal(t, lane.Delivered, send(t, overJSON(t, s.URL, "none"), b).Verdict) },
		"HTTP, gzip": func() { require.Equal(t, lane.Delivered, send(t, overJSON(t, s.URL, "gzip"), b).Verdict) },
		"dead letters": func() {
			_, write := newPool(t).DeadLetters(b, lane.Result{}, time.Now())
			require.NoError(t, write(io.Discard))
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(limit), name)
	}
}
