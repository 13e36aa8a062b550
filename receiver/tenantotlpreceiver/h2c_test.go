// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// transportOf speaks HTTP of a version without TLS.
func transportOf(t *testing.T, version int) *http.Transport {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(version == 1)
	transport.Protocols.SetUnencryptedHTTP2(version == 2)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func upload(ctx context.Context, t *testing.T, transport *http.Transport, d *door, header http.Header, body io.Reader) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.http+"/v1/logs", body)
	require.NoError(t, err)
	req.Header = header
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := transport.RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func countRejections(g *guard.Guard, why rejection.Reason) (count int64) {
	g.Stats().Rejected(func(_ guard.Protocol, reason rejection.Reason, n int64) {
		if reason == why {
			count += n
		}
	})
	return count
}

// TestHTTP2_WithoutTLS holds what holds over HTTP/1.1.
func TestHTTP2_WithoutTLS(t *testing.T) {
	few, err := plogotlp.NewExportRequestFromLogs(someLogs(2)).MarshalProto()
	require.NoError(t, err)
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			d := setup{guard: guard.Settings{UploadGrace: 2 * time.Second, MinUploadRate: 1000}}.start(t)
			transport := transportOf(t, version)
			do := func(header http.Header, body io.Reader) int {
				header.Set("Authorization", "Bearer "+header.Get("key"))
				resp, err := upload(t.Context(), t, transport, d, header, body)
				require.NoError(t, err)
				require.Equal(t, version, resp.ProtoMajor)
				return resp.StatusCode
			}
			good := func() http.Header { return http.Header{"Key": {"good"}} }
			assert.Equal(t, http.StatusOK, do(good(), bytes.NewReader(few)))
			assert.Equal(t, http.StatusUnauthorized, do(http.Header{"Key": {"nobody"}}, bytes.NewReader(few)))
			assert.Equal(t, http.StatusTooManyRequests, do(http.Header{"Key": {"limited"}}, bytes.NewReader(few)))
			assert.Equal(t, http.StatusRequestEntityTooLarge, do(good(), bytes.NewReader(make([]byte, 3<<20))))
			assert.Equal(t, http.StatusBadRequest, do(good(), strings.NewReader("\xff")))
			stalled, writer := io.Pipe()
			assert.Equal(t, http.StatusRequestTimeout, do(good(), stalled))
			require.NoError(t, writer.Close())
			large := good()
			large.Set("X-Large", strings.Repeat("x", 64<<10))
			large.Set("Authorization", "Bearer good")
			resp, err := upload(t.Context(), t, transport, d, large, bytes.NewReader(few))
			if err == nil {
				assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
			}
			assert.Equal(t, 2, d.logs.LogRecordCount())
		})
	}
}

// TestHTTP_CallersThatDisconnect are not taken for callers that send what cannot be read.
func TestHTTP_CallersThatDisconnect(t *testing.T) {
	for version := 1; version <= 2; version++ {
		for name, length := range map[string]int64{"announced": 1000, "chunked": -1} {
			for _, how := range []string{"request", "connection"} {
				t.Run(fmt.Sprintf("HTTP/%d, %s, %s", version, name, how), func(t *testing.T) {
					d := setup{open: true}.start(t)
					transport := transportOf(t, version)
					var conn net.Conn
					transport.DialContext = func(ctx context.Context, network, addr string) (c net.Conn, err error) {
						conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
						return conn, err
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					body, writer := io.Pipe()
					go func() {
						_, _ = writer.Write([]byte("abc"))
						assert.Eventually(t, func() bool {
							requests, _ := d.guard.InFlight()
							return requests > 0 // the body is being read
						}, 10*time.Second, time.Millisecond)
						if how == "connection" {
							_ = conn.Close()
						}
						cancel()
						_ = writer.CloseWithError(io.ErrClosedPipe)
					}()
					req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.http+"/v1/logs", body)
					require.NoError(t, err)
					req.Header.Set("Content-Type", "application/x-protobuf")
					req.ContentLength = length
					_, err = transport.RoundTrip(req) //nolint:bodyclose // there is none
					require.Error(t, err)
					require.Eventually(t, func() bool { return countRejections(d.guard, rejection.Canceled) == 1 }, 10*time.Second, time.Millisecond)
					assert.Zero(t, countRejections(d.guard, rejection.Malformed))
				})
			}
		}
	}
}

// TestHTTP2_StreamsAreBounded opens more streams than a connection may have.
func TestHTTP2_StreamsAreBounded(t *testing.T) {
	release := make(chan struct{})
	d := setup{open: true, logs: func(ctx context.Context, _ plog.Logs) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}}.start(t)
	defer close(release)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.http)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	require.NoError(t, framer.WriteSettings())
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", "/v1/logs"}, {":authority", "x"}, {"content-type", "application/x-protobuf"},
	} {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	few, err := plogotlp.NewExportRequestFromLogs(someLogs(1)).MarshalProto()
	require.NoError(t, err)
	for i := range defaultStreams + 10 {
		id := uint32(2*i + 1)
		require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head.Bytes(), EndHeaders: true}))
		require.NoError(t, framer.WriteData(id, true, few))
	}
	rejected, announced := 0, false
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	for rejected < 10 {
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if most, ok := f.Value(http2.SettingMaxConcurrentStreams); ok {
				announced = true
				assert.EqualValues(t, defaultStreams, most)
			}
		case *http2.RSTStreamFrame:
			if f.ErrCode != http2.ErrCodeStreamClosed { // for the data of one that was rejected
				assert.Contains(t, []http2.ErrCode{http2.ErrCodeRefusedStream, http2.ErrCodeProtocol}, f.ErrCode)
				rejected++
			}
		}
	}
	assert.True(t, announced)
	requests, _ := d.guard.InFlight()
	assert.LessOrEqual(t, requests, int64(defaultStreams))
}
