// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// overLimit sends records over HTTP and gRPC, requires that both are rejected as over a
// limit, and returns the answers.
func overLimit(t *testing.T, c *clients, key string, ld plog.Logs) (texts [2]string, delays [2]time.Duration) {
	t.Helper()
	request := plogotlp.NewExportRequestFromLogs(ld)
	body, err := request.MarshalProto()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.http+"/v1/logs", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode, string(raw))
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	require.NoError(t, err)
	texts[0], delays[0] = string(raw), time.Duration(seconds)*time.Second

	_, err = plogotlp.NewGRPCClient(c.conn).Export(metadata.NewOutgoingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+key)), request)
	s := status.Convert(err)
	require.Equal(t, codes.ResourceExhausted, s.Code(), err)
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			delays[1] = info.GetRetryDelay().AsDuration()
		}
	}
	texts[1] = s.Message()
	return texts, delays
}

// TestLimits_OfTheShippedGateway follows a rate and quotas through the shipped gateway: the
// answers over both protocols, a change at run time, and a restart.
func TestLimits_OfTheShippedGateway(t *testing.T) { eachWay(t, testLimitsOfTheShippedGateway) }

func testLimitsOfTheShippedGateway(t *testing.T) {
	reg := newRegistry(t)
	for _, id := range []string{"rated", "daily", "innocent"} {
		reg.ctl("tenant", "create", id)
	}
	reg.ctl("tenant", "update", "rated", "--limit", "logs.records_per_second=7")
	reg.ctl("tenant", "update", "daily", "--limit", "logs.daily_records=100")
	_, rated := reg.key("rated")
	_, daily := reg.key("daily")
	_, innocent := reg.key("innocent")
	free := loopback.Addresses(t, 4)
	state, data := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "data")
	run := func() *collector {
		return start(t, map[string]string{
			"TENANTS_FILE": reg.path, "DATA_DIR": data, "STATE_DIR": state,
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"))
	}
	logs := func(n int) plog.Logs { return payload(tenant.Logs, n, "x", "y").(plog.Logs) }
	g := run()
	c := newClients(t, free[0], free[1])

	// More than the burst passes once, as debt, and the next request waits for it.
	require.Zero(t, c.send(0, bearer(rated), logs(700)))
	seen := map[time.Duration]bool{}
	for range 5 {
		texts, delays := overLimit(t, c, rated, logs(1))
		for n, text := range texts {
			assert.Contains(t, text, "over the limit of 7 log records per second", "the rule, with the configured limit")
			assert.NotContains(t, text, "rated")
			assert.NotContains(t, text, rated)
			assert.GreaterOrEqual(t, delays[n], time.Second)
		}
		seen[delays[1]] = true
	}
	assert.Greater(t, len(seen), 1, "callers do not come back all at once")

	// The limit applies to one signal and one tenant.
	assert.Zero(t, c.send(0, bearer(rated), payload(tenant.Traces, 1, "x", "y")))
	assert.Zero(t, c.send(0, bearer(innocent), logs(700)))

	// A request over the quota is rejected as a whole, and hard only beyond the quota.
	require.Zero(t, c.send(0, bearer(daily), logs(90)))
	texts, delays := overLimit(t, c, daily, logs(11))
	for n, text := range texts {
		assert.Contains(t, text, "daily quota of 100 log records")
		assert.GreaterOrEqual(t, delays[n], time.Second)
	}
	require.Zero(t, c.send(3, bearer(daily), logs(10)), "what was refused was not counted")
	overLimit(t, c, daily, logs(1))
	assert.NotEqual(t, "0", metricValue(t, free[3], "otelcol_processor_tenant_quota_warnings"), "over 80 % it warns")

	// Both are remembered, and can be changed while the gateway runs.
	g.stop()
	g = run()
	c = newClients(t, free[0], free[1]) // a new connection, which has no retry delay
	overLimit(t, c, daily, logs(1))
	reg.ctl("tenant", "update", "daily", "--limit", "logs.daily_records=200")
	reg.ctl("tenant", "update", "rated", "--limit", "logs.records_per_second=1000000")
	require.Eventually(t, func() bool {
		return c.send(0, bearer(daily), logs(1)) == 0 && c.send(3, bearer(rated), logs(1)) == 0
	}, 30*time.Second, 20*time.Millisecond)
	g.stop()
}
