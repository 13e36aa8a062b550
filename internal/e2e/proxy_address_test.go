// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// dialFrom returns a dialer with its own loopback address, so that a proxy on the same
// machine sees different clients.
func dialFrom(t *testing.T, ip string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	t.Helper()
	probe, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("this machine has no address %s: %v", ip, err)
	}
	require.NoError(t, probe.Close())
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext
}

// TestProxy_ClientAddress binds a key to one address and sends from it and from another one
// through each proxy, with headers that claim the allowed address.
func TestProxy_ClientAddress(t *testing.T) {
	t.Parallel()
	const right, wrong = "127.0.0.2", "127.0.0.3"
	fromRight, fromWrong := dialFrom(t, right), dialFrom(t, wrong)
	for name, newProxy := range proxyKinds() {
		if name == "nginx unbuffered" {
			continue // it may close the connection of a rejected client; the addresses are nginx's
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "extensions: {bearer_key_auth: {trusted_proxies: [127.0.0.1]}}", "acme")
			_, bound := r.reg.key("acme", "--source-cidr", right+"/32")
			_, own := r.reg.key("acme") // created now, because a running gateway knows a new key only after a moment
			g := r.run()
			p := newProxy(t, r)
			_, body := encoded(t, logOf("one"))
			send := func(dial func(context.Context, string, string) (net.Conn, error), key string, headers ...string) (int, string) {
				client := p.client(false)
				client.Transport.(*http.Transport).DialContext = dial
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+p.addr+"/v1/logs", bytes.NewReader(body))
				require.NoError(t, err)
				req.Header.Set("Content-Type", "application/x-protobuf")
				req.Header.Set("Authorization", "Bearer "+key)
				for i := 0; i < len(headers); i += 2 {
					req.Header.Set(headers[i], headers[i+1])
				}
				resp, err := client.Do(req)
				require.NoError(t, err)
				defer resp.Body.Close()
				var text bytes.Buffer
				_, err = text.ReadFrom(resp.Body)
				require.NoError(t, err)
				return resp.StatusCode, text.String()
			}
			call := func(dial func(context.Context, string, string) (net.Conn, error), key string, headers ...string) error {
				conn, err := grpc.NewClient("passthrough:///"+p.addr, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(p.roots, "")),
					grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return dial(ctx, "tcp", addr) }))
				require.NoError(t, err)
				defer conn.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				ctx = metadata.AppendToOutgoingContext(ctx, append(headers, "authorization", "Bearer "+key)...)
				_, err = plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(logOf("one")))
				return err
			}
			code, text := send(fromRight, bound)
			assert.Equal(t, http.StatusOK, code, text)
			require.NoError(t, call(fromRight, bound))
			for _, forged := range [][]string{
				nil,
				{"X-Forwarded-For", right},
				{"X-Real-Ip", right},
				{"Forwarded", "for=" + right},
				{"X-Forwarded-For", right + ", 127.0.0.1", "Forwarded", "for=" + right},
			} {
				code, text := send(fromWrong, bound, forged...)
				assert.Equal(t, http.StatusUnauthorized, code, "%v: %s", forged, text)
				assert.Contains(t, text, "must not be used from this address")
				assert.Equal(t, codes.Unauthenticated, status.Code(call(fromWrong, bound, forged...)), "%v", forged)
			}
			// The same client with another key: the address is that of the client, not of
			// the proxy.
			require.NoError(t, call(fromWrong, own))
			require.Eventually(t, func() bool {
				return strings.Contains(g.Output(), "Rejected requests of a tenant") && strings.Contains(g.Output(), fmt.Sprintf("[%q]", wrong))
			}, time.Minute, 50*time.Millisecond, "the log names the client")
			assert.Contains(t, g.Output(), `"reason": "source_address"`)
			g.stop()
		})
	}
}
