// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

// selfSigned returns a certificate for 127.0.0.1 and what trusts it.
func selfSigned(t *testing.T) (configtls.ServerConfig, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(certPEM))
	cfg := configtls.ServerConfig{Config: configtls.Config{
		CertPem: configopaque.String(certPEM), KeyPem: configopaque.String(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}}
	return cfg, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func TestReceiver_OverTLS(t *testing.T) {
	server, trust := selfSigned(t)
	d := setup{open: true, guard: guard.Settings{UploadGrace: 100 * time.Millisecond, MinUploadRate: 1000}, configure: func(cfg *Config) {
		cfg.Protocols.GRPC.Get().TLS = configoptional.Some(server)
		cfg.Protocols.HTTP.Get().ServerConfig.TLS = configoptional.Some(server)
	}}.start(t)
	request := plogotlp.NewExportRequestFromLogs(someLogs(2))
	body, err := request.MarshalProto()
	require.NoError(t, err)
	for _, version := range []int{1, 2} {
		transport := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: version == 2}
		defer transport.CloseIdleConnections()
		send := func(body io.Reader) *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+d.http+"/v1/logs", body)
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-protobuf")
			resp, err := transport.RoundTrip(req)
			require.NoError(t, err)
			require.Equal(t, version, resp.ProtoMajor)
			t.Cleanup(func() { _ = resp.Body.Close() })
			return resp
		}
		assert.Equal(t, http.StatusOK, send(bytes.NewReader(body)).StatusCode)
		assert.Equal(t, http.StatusRequestEntityTooLarge, send(bytes.NewReader(make([]byte, 3<<20))).StatusCode)
		stalled, writer := io.Pipe()
		defer writer.Close()
		assert.Equal(t, http.StatusRequestTimeout, send(stalled).StatusCode)
	}
	conn, err := grpc.NewClient(d.grpc, grpc.WithTransportCredentials(credentials.NewTLS(trust)))
	require.NoError(t, err)
	defer conn.Close()
	_, err = plogotlp.NewGRPCClient(conn).Export(t.Context(), request)
	require.NoError(t, err)
	assert.Equal(t, 6, d.logs.LogRecordCount())
}
