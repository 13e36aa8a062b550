// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// usualLogs is a request of 100 records of 300 bytes.
func usualLogs() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	for _, key := range []string{"service.name", "service.version", "host.name", "deployment.environment.name"} {
		rl.Resource().Attributes().PutStr(key, "shop-production-7")
	}
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i := range 100 {
		record := records.AppendEmpty()
		record.SetTimestamp(1)
		record.SetSeverityText("INFO")
		record.Body().SetStr("GET /api/v1/orders 200 in 12 ms from a client that is quite usual, with a text of a hundred bytes")
		for _, key := range []string{"http.route", "user.id", "request.id", "session.id"} {
			record.Attributes().PutStr(key, "0123456789abcdef")
		}
		record.Attributes().PutInt("n", int64(i))
	}
	return ld
}

// BenchmarkReceiver compares with upstream's receiver, client included.
func BenchmarkReceiver(b *testing.B) {
	for name, factory := range map[string]receiver.Factory{"otlp": otlpreceiver.NewFactory(), "tenant_otlp": NewFactory()} {
		addresses := loopback.Addresses(b, 2)
		cfg := factory.CreateDefaultConfig()
		switch cfg := cfg.(type) {
		case *otlpreceiver.Config:
			cfg.Protocols.GRPC.GetOrInsertDefault().NetAddr.Endpoint = addresses[0]
			cfg.Protocols.HTTP.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = addresses[1]
		case *Config:
			cfg.Guard = component.MustNewID(builtInGuard)
			cfg.Protocols.GRPC.GetOrInsertDefault().NetAddr.Endpoint = addresses[0]
			cfg.Protocols.HTTP.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = addresses[1]
		}
		r, err := factory.CreateLogs(b.Context(), receivertest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
		require.NoError(b, err)
		require.NoError(b, r.Start(b.Context(), tenanttest.Host{}))
		request := plogotlp.NewExportRequestFromLogs(usualLogs())
		body, err := request.MarshalProto()
		require.NoError(b, err)
		b.Run("grpc/"+name, func(b *testing.B) {
			conn, err := grpc.NewClient(addresses[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(b, err)
			defer conn.Close()
			var answer []byte
			for b.Loop() {
				require.NoError(b, conn.Invoke(b.Context(), logsMethod, body, &answer, grpc.ForceCodecV2(clientCodec{})))
			}
		})
		b.Run("http/"+name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for b.Loop() {
				resp, err := client.Post("http://"+addresses[1]+"/v1/logs", "application/x-protobuf", bytes.NewReader(body))
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(b, err)
				require.NoError(b, resp.Body.Close())
				require.Equal(b, http.StatusOK, resp.StatusCode)
			}
		})
		require.NoError(b, r.Shutdown(context.Background()))
	}
}
