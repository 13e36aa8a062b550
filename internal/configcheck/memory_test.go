// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gcpace"
)

const mib = 1 << 20

// group returns a control group of size MiB, with the limits that request_guard sets by default.
func group(size int64) Machine {
	m := Machine{Memory: size * mib, Group: true, Guard: min(max(size*mib/8, 32*mib), 64*mib), GoLimit: size * mib / 4 * 3}
	m.HeapFloor = gcpace.DefaultFloor(m.GoLimit, m.Memory, m.Group)
	return m
}

func TestCheckMemory(t *testing.T) {
	agentLimit := group(512)
	agentLimit.GoLimit = 224 * mib
	floor := func(size string) string {
		return "extensions: {request_guard: {heap_floor: " + size + "}}\nprocessors: {memory_limiter: {limit_mib: 320, spike_limit_mib: 64}}\nservice: {extensions: [request_guard]}"
	}
	const limiter = "processors: {memory_limiter: {limit_percentage: 90, spike_limit_percentage: 10}}\n"
	for name, c := range map[string]struct {
		machine Machine
		change  string
		warned  []string
	}{
		"512 MiB":                    {group(512), limiter, nil},
		"4 GiB":                      {group(4096), limiter, nil},
		"unknown memory":             {Machine{Guard: 64 * mib, GoLimit: math.MaxInt64}, limiter, nil},
		"a machine without a group":  {Machine{Memory: 8192 * mib, Guard: 64 * mib, GoLimit: math.MaxInt64}, limiter, nil},
		"only upstream components":   {group(64), logs("bare", "memory_limiter", "otlp_http"), nil},
		"limiter without limits":     {group(512), "{}", nil},
		"invalid sizes":              {group(512), "extensions: {request_guard: {memory: much}}\nexporters: {tenant_routing: {max_memory_bytes: [1]}}", nil},
		"least memory of lanes":      {group(128), "exporters: {tenant_routing: {max_memory_bytes: 1KiB}}", nil},
		"128 MiB, without a limiter": {group(128), "{}", []string{"^exporters::tenant_routing::max_memory_bytes: allows more memory than is available: extensions::request_guard::memory .32MiB., exporters::tenant_routing::max_memory_bytes .128MiB. and 64MiB for the rest of the process are 224 MiB together, but the control group allows 128 MiB"}},
		"a machine that is too small": {
			Machine{Memory: 128 * mib, Guard: 32 * mib, GoLimit: math.MaxInt64},
			"{}",
			[]string{"but the machine has 128 MiB"},
		},
		"a large guard":                {group(512), "extensions: {request_guard: {memory: 1GiB}}", []string{"^extensions::request_guard::memory: allows more memory"}},
		"lanes without disk":           {group(512), "exporters: {tenant_routing: {storage: null}}", []string{"^exporters::tenant_routing::max_total_bytes: allows .*2GiB"}},
		"small lanes without disk":     {group(512), "exporters: {tenant_routing: {storage: null, max_total_bytes: 100MiB}}", nil},
		"two guards and two exporters": {group(512), "receivers: {tenant_otlp: {guard: built_in}}\nexporters: {tenant_routing/b: {storage: s, max_memory_bytes: 250MiB}}\n" + logs("otlp, tenant_otlp", "memory_limiter, tenant", "tenant_routing, tenant_routing/b"), []string{"^exporters::tenant_routing/b::max_memory_bytes: .*receivers::tenant_otlp::guard .64MiB.*are 570 MiB"}},
		"a queue in memory": {
			group(512), "exporters: {otlp_http: {sending_queue: {storage: null, sizer: bytes, queue_size: 1073741824}}}\n" + logs("tenant_otlp", "memory_limiter, tenant/edge", "otlp_http"),
			[]string{"^exporters::otlp_http::sending_queue::queue_size: allows"},
		},
		"sums without an overflow": {group(512), "extensions: {request_guard: {memory: 7EiB}}\nexporters: {tenant_routing: {max_memory_bytes: 7EiB}}", []string{"allows more memory"}},

		"256 MiB, defaults": {group(256), limiter, []string{"^processors::memory_limiter::limit_percentage: rejects the data of all tenants from 204 MiB on, .* while no bound is exceeded: .*are 224 MiB"}},
		"256 MiB, less":     {group(256), limiter + "exporters: {tenant_routing: {max_memory_bytes: 64MiB}}", nil},
		"garbage counts": {
			group(512), "processors: {memory_limiter: {limit_percentage: 75, spike_limit_percentage: 20}}",
			[]string{"^processors::memory_limiter::limit_percentage: rejects .* from 281 MiB on, .*counts garbage .* soft memory limit of 384 MiB"},
		},
		"default spike limit":        {group(512), "processors: {memory_limiter: {limit_percentage: 80}}", []string{"from 327 MiB on.*garbage"}},
		"garbage without a limit":    {Machine{Memory: 512 * mib, Group: true, Guard: 64 * mib, GoLimit: math.MaxInt64}, "processors: {memory_limiter: {limit_percentage: 75, spike_limit_percentage: 20}}", nil},
		"garbage below the floor":    {agentLimit, floor("256MiB"), []string{"^processors::memory_limiter::limit_mib: .* from 256 MiB on.* while the heap is smaller than 256 MiB.*lower request_guard::heap_floor"}},
		"a floor that is low enough": {agentLimit, floor("255MiB"), nil},
		"no floor":                   {agentLimit, floor("\"off\""), nil},
		"the default floor":          {agentLimit, floor("auto"), nil},
		"a default floor too high":   {Machine{Memory: 512 * mib, Guard: 64 * mib, GoLimit: 224 * mib, HeapFloor: 300 * mib}, floor("auto"), []string{"while the heap is smaller than 300 MiB"}},
		"an invalid floor":           {agentLimit, floor("much"), nil},
		"a limit that is too large":  {group(512), "processors: {memory_limiter: {limit_mib: 700, spike_limit_mib: 100}}", []string{"^processors::memory_limiter::limit_mib: rejects data from 600 MiB on, but only 512 MiB are available"}},
		"a limit that is too small":  {group(4096), "processors: {memory_limiter: {limit_mib: 200, spike_limit_mib: 50}}", []string{"^processors::memory_limiter::limit_mib: .*from 150 MiB on"}},
	} {
		conf := parse(t, good)
		merge(conf, parse(t, c.change))
		var warned []string
		for _, f := range CheckMemory(conf, c.machine) {
			assert.False(t, f.Refuse, name)
			warned = append(warned, f.String())
		}
		matches(t, name, c.warned, warned)
	}
}

// The shipped configurations fit into the control group in their documentation, with the limits that
// request_guard sets.
func TestCheckMemory_ShippedConfigurations(t *testing.T) {
	for name, m := range map[string]Machine{"agent": group(512), "gateway": group(512)} {
		conf := shipped(t, name)
		if text := text(at(conf, "extensions", "request_guard", "memory_limit")); text != "" {
			m.GoLimit = int64(size(t, text))
		}
		assert.Empty(t, CheckMemory(conf, m), name)
	}
}

func TestReport_WarnsAboutMemory(t *testing.T) {
	conf := parse(t, good)
	merge(conf, parse(t, "extensions: {request_guard: {memory: 7EiB}}\nservice: {extensions: [request_guard]}"))
	core, logged := observer.New(zap.WarnLevel)
	assert.NoError(t, Report(conf, "request_guard", zap.New(core)))
	if thisMachine().Memory > 0 {
		assert.Equal(t, 1, logged.FilterField(zap.String("key", "extensions::request_guard::memory")).Len())
	}
}
