// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

const logsMethod = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// situation is one row of the table of answers.
type situation struct {
	name string
	key  string
	logs func() plog.Logs // nil: headers suffice for the answer
	// spoil changes the encoded request.
	spoil func(json bool, data []byte) []byte
	code  codes.Code
	http  int
	retry bool
}

func deepLogs(levels int) func() plog.Logs {
	return func() plog.Logs {
		ld := someLogs(1)
		v := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body()
		for range levels {
			v = v.SetEmptySlice().AppendEmpty()
		}
		return ld
	}
}

func largeLogs() plog.Logs {
	ld := someLogs(1)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr(strings.Repeat("x", 3<<19))
	return ld
}

func situations() []situation {
	few := func() plog.Logs { return someLogs(3) }
	return []situation{
		{name: "good", key: "good", logs: few, code: codes.OK, http: 200},
		{name: "empty", key: "good", logs: plog.NewLogs, code: codes.OK, http: 200},
		{name: "as deep as allowed", key: "good", logs: deepLogs(15), code: codes.OK, http: 200},
		{name: "too deep", key: "good", logs: deepLogs(500), code: codes.ResourceExhausted, http: 413},
		{name: "too many", key: "good", logs: func() plog.Logs { return someLogs(2000) }, code: codes.ResourceExhausted, http: 413},
		{name: "too large", key: "good", logs: largeLogs, code: codes.ResourceExhausted, http: 413},
		{name: "malformed", key: "good", logs: few, spoil: func(_ bool, b []byte) []byte { return b[:len(b)-3] }, code: codes.InvalidArgument, http: 400},
		{name: "garbage", key: "good", logs: few, spoil: func(bool, []byte) []byte { return []byte{0xff, 0xff, 0xff} }, code: codes.InvalidArgument, http: 400},
		{name: "trailing data", key: "good", logs: few, spoil: func(json bool, b []byte) []byte {
			if json {
				return append(b, `{"resourceLogs":[]}`...)
			}
			return append(b, 0x0a)
		}, code: codes.InvalidArgument, http: 400},
		{name: "unauthenticated", key: "unknown", code: codes.Unauthenticated, http: 401},
		{name: "no scope", key: "unscoped", code: codes.PermissionDenied, http: 403},
		{name: "suspended", key: "suspended", code: codes.PermissionDenied, http: 403},
		{name: "over limit", key: "limited", code: codes.ResourceExhausted, http: 429, retry: true},
		{name: "undecided", key: "undecided", code: codes.Unavailable, http: 503, retry: true},
	}
}

func (s situation) body(t *testing.T, json bool) []byte {
	t.Helper()
	ld := someLogs(3)
	if s.logs != nil {
		ld = s.logs()
	}
	request := plogotlp.NewExportRequestFromLogs(ld)
	marshal := request.MarshalProto
	if json {
		marshal = request.MarshalJSON
	}
	data, err := marshal()
	require.NoError(t, err)
	if s.spoil != nil {
		data = s.spoil(json, data)
	}
	return data
}

func compress(t *testing.T, encoding string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "identity":
		return data
	case "snappy":
		return snappy.Encode(nil, data)
	case "x-snappy-framed":
		w = snappy.NewBufferedWriter(&buf)
	case "gzip", "x-gzip", "GZIP":
		w = gzip.NewWriter(&buf)
	case "deflate":
		w = zlib.NewWriter(&buf)
	case "zstd":
		var err error
		w, err = zstd.NewWriter(&buf)
		require.NoError(t, err)
	}
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func startMatrix(t *testing.T, path *testPath) *door {
	return setup{guard: guard.Settings{MaxDepth: 64, MaxElements: 1000}, direct: path}.start(t)
}

func TestMatrix_OverHTTP(t *testing.T) { testMatrixOverHTTP(t, nil) }

func TestMatrix_OverHTTPWithoutDecoding(t *testing.T) { testMatrixOverHTTP(t, new(testPath)) }

func testMatrixOverHTTP(t *testing.T, path *testPath) {
	d := startMatrix(t, path)
	for _, json := range []bool{false, true} {
		for _, encoding := range []string{"identity", "gzip", "GZIP", "x-gzip", "zstd", "snappy", "x-snappy-framed", "deflate"} {
			for _, s := range situations() {
				t.Run(fmt.Sprintf("json=%v/%s/%s", json, encoding, s.name), func(t *testing.T) {
					before := d.logs.LogRecordCount()
					contentType := "application/x-protobuf"
					if json {
						contentType = "application/json; charset=utf-8"
					}
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+d.http+"/v1/logs", bytes.NewReader(compress(t, encoding, s.body(t, json))))
					require.NoError(t, err)
					req.Header.Set("Content-Type", contentType)
					req.Header.Set("Content-Encoding", encoding)
					req.Header.Set("Authorization", "Bearer "+s.key)
					resp, err := http.DefaultClient.Do(req)
					require.NoError(t, err)
					s.checkHTTP(t, resp, json)
					want := 0
					if s.code == codes.OK {
						want = s.logs().LogRecordCount()
					}
					assert.Equal(t, want, d.logs.LogRecordCount()-before)
				})
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
	requests, held := d.guard.InFlight()
	assert.Zero(t, requests)
	assert.Zero(t, held)
}

// checkHTTP requires the answer of the situation, in the format of the request.
func (s situation) checkHTTP(t *testing.T, resp *http.Response, json bool) {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, s.http, resp.StatusCode, "%s", raw)
	media := "application/x-protobuf"
	if json {
		media = "application/json"
	}
	assert.Equal(t, media, resp.Header.Get("Content-Type"))
	if s.code == codes.OK {
		answer := plogotlp.NewExportResponse()
		unmarshal := answer.UnmarshalProto
		if json {
			unmarshal = answer.UnmarshalJSON
		}
		require.NoError(t, unmarshal(raw))
		return
	}
	var st spb.Status
	if json {
		require.NoError(t, protojson.Unmarshal(raw, &st))
	} else {
		require.NoError(t, proto.Unmarshal(raw, &st))
	}
	assert.Equal(t, s.code, codes.Code(st.Code))
	assert.NotEmpty(t, st.Message)
	delay := retryDelay(status.FromProto(&st))
	assert.Equal(t, s.retry, delay > 0)
	if !s.retry {
		assert.Empty(t, resp.Header.Get("Retry-After"))
		return
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, seconds, 1)
	assert.GreaterOrEqual(t, time.Duration(seconds)*time.Second, delay)
}

func retryDelay(s *status.Status) time.Duration {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// clientCodec sends bytes as they are.
type clientCodec struct{}

func (clientCodec) Name() string { return "proto" }

func (clientCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (clientCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func withKey(ctx context.Context, key string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
}

func TestMatrix_OverGRPC(t *testing.T) { testMatrixOverGRPC(t, nil) }

func TestMatrix_OverGRPCWithoutDecoding(t *testing.T) { testMatrixOverGRPC(t, new(testPath)) }

func testMatrixOverGRPC(t *testing.T, path *testPath) {
	d := startMatrix(t, path)
	for _, encoding := range []string{"identity", "gzip", "zstd", "snappy"} {
		for _, s := range situations() {
			t.Run(encoding+"/"+s.name, func(t *testing.T) {
				before := d.logs.LogRecordCount()
				options := []grpc.CallOption{grpc.ForceCodecV2(clientCodec{}), grpc.MaxCallSendMsgSize(8 << 20)}
				if encoding != "identity" {
					options = append(options, grpc.UseCompressor(encoding))
				}
				var answer []byte
				err := d.conn.Invoke(withKey(t.Context(), s.key), logsMethod, s.body(t, false), &answer, options...)
				s.checkGRPC(t, err)
				want := 0
				if s.code == codes.OK {
					require.NoError(t, plogotlp.NewExportResponse().UnmarshalProto(answer))
					want = s.logs().LogRecordCount()
				}
				assert.Equal(t, want, d.logs.LogRecordCount()-before)
			})
		}
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) { // the server ends a call after it has answered
		requests, held := d.guard.InFlight()
		assert.Zero(c, requests)
		assert.Zero(c, held)
	}, 5*time.Second, time.Millisecond)
}

func (s situation) checkGRPC(t *testing.T, err error) {
	t.Helper()
	st := status.Convert(err)
	require.Equal(t, s.code, st.Code(), "%v", err)
	assert.Equal(t, s.code != codes.OK, st.Message() != "")
	assert.Equal(t, s.retry, retryDelay(st) >= time.Second)
}

// TestMatrix_HeadersSuffice sends no body: an answer that comes cannot have read any.
func TestMatrix_HeadersSuffice(t *testing.T) {
	d := startMatrix(t, nil)
	for _, s := range situations() {
		if s.logs != nil {
			continue
		}
		t.Run("http/"+s.name, func(t *testing.T) {
			answer := s.headersOnly(t, d.http)
			assert.Contains(t, answer, fmt.Sprintf("HTTP/1.1 %d ", s.http))
		})
		t.Run("grpc/"+s.name, func(t *testing.T) {
			stream, err := d.conn.NewStream(withKey(t.Context(), s.key), &grpc.StreamDesc{ClientStreams: true}, logsMethod, grpc.ForceCodecV2(clientCodec{}))
			require.NoError(t, err)
			var answer []byte
			s.checkGRPC(t, stream.RecvMsg(&answer))
		})
	}
}

// headersOnly announces a body that never comes, and returns the answer.
func (s situation) headersOnly(t *testing.T, address string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\n", s.key)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}
