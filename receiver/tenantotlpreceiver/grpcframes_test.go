// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// frames writes an HTTP/2 connection as a sender does.
func frames(t *testing.T, write func(*http2.Framer)) []byte {
	t.Helper()
	var buf bytes.Buffer
	buf.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&buf, nil)
	require.NoError(t, framer.WriteSettings())
	write(framer)
	return buf.Bytes()
}

func TestFrameConn_EndsConnectionsWithoutData(t *testing.T) {
	data := func(n, size, padding int) func(*http2.Framer) {
		return func(f *http2.Framer) {
			for range n {
				if padding > 0 {
					require.NoError(t, f.WriteDataPadded(1, false, make([]byte, size), make([]byte, padding)))
				} else {
					require.NoError(t, f.WriteData(1, false, make([]byte, size)))
				}
			}
		}
	}
	calls := func(n int, then ...func(*http2.Framer)) func(*http2.Framer) {
		return func(f *http2.Framer) {
			for range n {
				require.NoError(t, f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}, EndHeaders: true}))
				for _, write := range then {
					write(f)
				}
			}
		}
	}
	for _, tt := range []struct {
		name  string
		write func(*http2.Framer)
		ok    bool
	}{
		{"large frames", data(1000, 16384, 0), true},
		{"frames of 64 bytes", data(1000, 64, 0), true},
		{"a few bytes at a time", data(1000, 1, 0), false},
		{"nothing at a time", data(1000, 0, 0), false},
		{"padding at a time", data(1000, 1, 255), false},
		{"header, message and end of each call alone", calls(1000, data(1, 5, 0), data(1, 30, 0), data(1, 0, 0)), true},
		{"small frames in each call", calls(100, data(10, 1, 0)), false},
		{"small frames saved up in calls", calls(5000, data(1, 5, 0)), true},
		{"small frames between large ones", calls(1000, data(1, 16384, 0), data(3, 1, 0)), true},
		{"credit has an end", func(f *http2.Framer) { calls(10000)(f); data(5000, 1, 0)(f) }, false},
		{"pings", func(f *http2.Framer) {
			for range 1000 {
				require.NoError(t, f.WritePing(false, [8]byte{}))
			}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := frames(t, tt.write)
			for _, step := range []int{1, 7, len(all)} {
				c := &frameConn{skip: prefaceLength, credit: startCredit}
				ok := true
				for rest := all; ok && len(rest) > 0; {
					n := min(step, len(rest))
					ok = c.look(rest[:n])
					rest = rest[n:]
				}
				assert.Equal(t, tt.ok, ok, "in steps of %d", step)
			}
		})
	}
}

func TestGRPC_ConnectionsOfSmallFramesEnd(t *testing.T) {
	d := setup{open: true}.start(t)
	c := call(t, d.grpc)
	c.data(false, framed(0, 1<<19, nil))
	var err error
	for range 100_000 {
		if err = c.framer.WriteData(1, false, []byte{1}); err != nil {
			break
		}
	}
	assert.Error(t, err, "the connection ends")
	_, err = plogotlp.NewGRPCClient(d.conn).Export(t.Context(), plogotlp.NewExportRequest())
	assert.Equal(t, codes.OK, status.Code(err))
}
