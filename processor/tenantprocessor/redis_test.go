// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit/redistest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

// startSharing starts the processors of a gateway that shares limits.
func startSharing(t *testing.T, redisAddr string, limits tenant.Limits, with ...func(*LimitsConfig)) *pipelines {
	t.Helper()
	cfg := authConfig()
	cfg.Limits.Scope, cfg.Limits.Redis.Endpoint, cfg.Limits.Redis.Timeout = ScopeShared, redisAddr, 2*time.Second
	for _, f := range with {
		f(&cfg.Limits)
	}
	return startPipelines(t, cfg, tenanttest.Host{registryID: limited(t, limits)}, accept)
}

func (p *pipelines) countLines(text string) int { return p.log.FilterMessageSnippet(text).Len() }

func TestRedis_SharesLimitsBetweenGatewaysAndReportsAnOutage(t *testing.T) {
	r := redistest.Start(t)
	one, two := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100}), startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100})
	shared := func(want int64) {
		t.Helper()
		metadatatest.AssertEqualProcessorTenantSharedLimits(t, one.telemetry, []metricdata.DataPoint[int64]{{Value: want}}, metricdatatest.IgnoreTimestamp())
	}
	require.NoError(t, one.logs.ConsumeLogs(tenantA, manyLogs(60)))
	require.ErrorContains(t, two.logs.ConsumeLogs(tenantA, manyLogs(41)), "over the daily quota of 100 records")
	require.NoError(t, two.logs.ConsumeLogs(tenantA, manyLogs(40)))
	shared(1)
	r.Kill()
	require.ErrorContains(t, one.logs.ConsumeLogs(tenantA, manyLogs(41)), "over the daily quota of 100 records", "from what it knew")
	require.NoError(t, one.logs.ConsumeLogs(tenantA, manyLogs(1)))
	shared(0)
	assert.Equal(t, 1, one.countLines("Redis cannot be used"), "an outage is logged once")
}

// Eviction is logged at the start, once.
func TestRedis_WarnsOfEviction(t *testing.T) {
	r := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	t.Cleanup(func() { _ = client.Close() })
	set := func(policy string) { require.NoError(t, client.ConfigSet(t.Context(), policyName, policy).Err()) }
	const warning = "redis-cli CONFIG SET maxmemory-policy noeviction"
	limits := tenant.Limits{DailyRecords: 100}
	logged := func(p *pipelines, text string, count int) {
		t.Helper()
		require.Eventually(t, func() bool { return p.countLines(text) == count }, 20*time.Second, 5*time.Millisecond)
	}
	send := func(p *pipelines) { _ = p.logs.ConsumeLogs(tenantA, manyLogs(1)) }
	set("noeviction")
	p := startSharing(t, r.Addr, limits)
	send(p)
	p.stop(t) // waits for the read
	logged(p, warning, 0)
	for _, policy := range []string{"allkeys-lru", "volatile-ttl", "allkeys-random"} {
		set(policy)
		p := startSharing(t, r.Addr, limits)
		logged(p, warning, 1)
		for range 5 {
			send(p)
		}
		p.stop(t)
		logged(p, warning, 1)
		assert.Equal(t, policy, p.log.FilterMessageSnippet(warning).All()[0].ContextMap()[policyName])
	}

	// Another Redis after a failover is checked too.
	set("noeviction")
	p = startSharing(t, r.Addr, limits)
	send(p)
	r.Kill()
	send(p)
	r.Start()
	client2 := redis.NewClient(&redis.Options{Addr: r.Addr})
	t.Cleanup(func() { _ = client2.Close() })
	require.NoError(t, client2.ConfigSet(t.Context(), policyName, "allkeys-lfu").Err())
	p.limiter.now = time.Now // the pause after a failure ends
	require.Eventually(t, func() bool {
		send(p)
		return p.countLines(warning) == 1
	}, 20*time.Second, 10*time.Millisecond)

	// If one way to read it is forbidden, the other is used. If both are, the log names
	// the setting.
	require.NoError(t, client2.ConfigSet(t.Context(), policyName, "allkeys-lru").Err())
	for user, test := range map[string]struct {
		rules []any
		text  string
	}{
		"noconfig": {[]any{"-config"}, warning},
		"noinfo":   {[]any{"-info"}, warning},
		"neither":  {[]any{"-config", "-info"}, "set maxmemory-policy to noeviction"},
	} {
		require.NoError(t, client2.Do(t.Context(), append([]any{"ACL", "SETUSER", user, "on", ">secret", "~*", "+@all"}, test.rules...)...).Err())
		p := startSharing(t, r.Addr, limits, func(c *LimitsConfig) { c.Redis.Username, c.Redis.Password = user, "secret" })
		require.Eventually(t, func() bool { return p.countLines(test.text) == 1 }, 20*time.Second, 5*time.Millisecond, strings.ToUpper(user))
		p.stop(t)
	}
}
