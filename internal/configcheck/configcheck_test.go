// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

// good is a gateway without findings. Test cases change it.
const good = `
extensions:
  bearer_key_auth: {registry: tenant_registry}
  request_guard: {registry: tenant_registry}
receivers:
  tenant_otlp:
    protocols: {grpc: {auth: {authenticator: bearer_key_auth}}, http: {auth: {authenticator: bearer_key_auth}}}
  otlp:
    protocols:
      grpc: {auth: {authenticator: bearer_key_auth}, middlewares: [{id: bearer_key_auth}, {id: request_guard}]}
      http: {auth: {authenticator: bearer_key_auth}, middlewares: [{id: request_guard}]}
  bare: {protocols: {http: {endpoint: "127.0.0.1:1"}}}
  pm2: {home: /x}
processors:
  memory_limiter: {check_interval: 1s}
  tenant: {source: auth}
  tenant/edge: {source: config, business_id: a}
  batch: {}
connectors: {forward: {}, spanmetrics: {}, count: {}}
exporters:
  tenant_routing: {registry: tenant_registry, storage: file_storage, dead_letter: {directory: d}}
  otlp_http: {sending_queue: {enabled: true, storage: file_storage}}
service:
  pipelines:
    logs: {receivers: [tenant_otlp], processors: [memory_limiter, tenant], exporters: [tenant_routing]}
`

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var conf map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &conf), text)
	return conf
}

// merge merges other into conf, as a second --config does.
func merge(conf, other map[string]any) {
	for k, v := range other {
		if to, ok := conf[k].(map[string]any); ok {
			if from, ok := v.(map[string]any); ok {
				merge(to, from)
				continue
			}
		}
		conf[k] = v
	}
}

func check(t *testing.T, change string) (refused, warned []string) {
	t.Helper()
	conf := parse(t, good)
	merge(conf, parse(t, change))
	for _, f := range Check(conf) {
		if f.Refuse {
			require.Empty(t, warned, "refusals come first")
			refused = append(refused, f.String())
		} else {
			warned = append(warned, f.String())
		}
	}
	return refused, warned
}

// matches requires one text for each pattern, in any order.
func matches(t *testing.T, name string, patterns, texts []string) {
	t.Helper()
	assert.Len(t, texts, len(patterns), "%s: %q", name, texts)
	for _, p := range patterns {
		found := false
		for _, text := range texts {
			found = found || regexp.MustCompile(p).MatchString(text)
		}
		assert.True(t, found, "%s: %q is not in %q", name, p, texts)
	}
}

func logs(receivers, processors, exporters string) string {
	return "service: {pipelines: {logs: {receivers: [" + receivers + "], processors: [" + processors + "], exporters: [" + exporters + "]}}}\n"
}

const directKey = "^receivers::tenant_otlp::direct: "

func direct(exporter string) string {
	return "receivers: {tenant_otlp: {direct: " + exporter + "}}\n"
}

func TestDirectHeap(t *testing.T) {
	const limits = "processors: {memory_limiter: {limit_mib: 100, spike_limit_mib: 30}, memory_limiter/small: {limit_mib: 50}}\n"
	for name, c := range map[string]struct {
		change, guard string
		mebibytes     bytesize.Size
	}{
		"off":                 {limits, "request_guard", 0},
		"on":                  {limits + direct("tenant_routing"), "request_guard", 70},
		"of another guard":    {limits + direct("tenant_routing"), "request_guard/b", 0},
		"no memory limiter":   {limits + direct("tenant_routing") + logs("tenant_otlp", "tenant", "tenant_routing"), "request_guard", 0},
		"of another pipeline": {limits + direct("tenant_routing") + "service: {pipelines: {traces: {receivers: [otlp], processors: [memory_limiter/small]}}}", "request_guard", 70},
		"the lowest":          {limits + direct("tenant_routing") + "service: {pipelines: {traces: {receivers: [tenant_otlp], processors: [memory_limiter/small]}}}", "request_guard", 40},
	} {
		t.Run(name, func(t *testing.T) {
			conf := parse(t, good)
			merge(conf, parse(t, c.change))
			assert.Equal(t, int64(c.mebibytes*bytesize.MiB), DirectHeap(conf, c.guard))
		})
	}
}

func TestCheck(t *testing.T) {
	const at = "^service::pipelines::logs::processors: "
	for name, c := range map[string]struct {
		change          string
		refused, warned []string
	}{
		"good":                           {"{}", nil, nil},
		"upstream otlp":                  {logs("otlp", "memory_limiter, tenant", "tenant_routing"), nil, nil},
		"named":                          {"processors: {tenant/a: {source: auth}, memory_limiter/a: {}}\n" + logs("tenant_otlp", "memory_limiter/a, tenant/a", "tenant_routing"), nil, nil},
		"filters and transforms between": {logs("tenant_otlp", "memory_limiter, tenant, filter, transform, resource, attributes, redaction", "tenant_routing"), nil, nil},

		"direct":                    {direct("tenant_routing"), nil, nil},
		"direct off":                {direct("off") + logs("tenant_otlp", "memory_limiter, tenant, filter", "tenant_routing, otlp_http"), nil, nil},
		"direct without a limiter":  {direct("tenant_routing") + logs("tenant_otlp", "tenant", "tenant_routing"), nil, []string{"no memory_limiter"}},
		"direct with other senders": {direct("tenant_routing") + logs("tenant_otlp, otlp", "memory_limiter, tenant", "tenant_routing"), nil, nil},
		"direct of other receivers": {"receivers: {otlp: {direct: x}}\n" + logs("otlp", "memory_limiter, tenant, filter", "tenant_routing"), nil, nil},
		"direct and a processor": {
			direct("tenant_routing") + logs("tenant_otlp", "memory_limiter, filter, tenant, redaction/x", "tenant_routing"),
			[]string{directKey + "skips the processor filter of service::pipelines::logs", directKey + "skips the processor redaction/x of "},
			nil,
		},
		"direct and an exporter": {
			direct("tenant_routing") + logs("tenant_otlp", "memory_limiter, tenant", "tenant_routing, otlp_http"),
			[]string{directKey + "skips otlp_http of service::pipelines::logs"},
			nil,
		},
		"direct and a connector": {
			direct("tenant_routing") + logs("tenant_otlp", "memory_limiter, tenant", "tenant_routing, count"),
			[]string{directKey + "skips count of service::pipelines::logs"},
			nil,
		},
		"direct to another exporter": {
			"exporters: {tenant_routing/b: {registry: tenant_registry, storage: s, dead_letter: {directory: d}}}\n" + direct("tenant_routing/b"),
			[]string{directKey + "skips tenant_routing of ", directKey + "is tenant_routing/b, which is no exporter of service::pipelines::logs"},
			nil,
		},
		"direct to an exporter of decoded data": {direct("otlp_http"), []string{directKey + "is otlp_http, which takes no requests that are not decoded"}, nil},
		"direct without a tenant processor": {
			direct("tenant_routing") + logs("tenant_otlp", "memory_limiter", "tenant_routing"),
			[]string{"without a tenant processor", directKey + "needs one tenant processor in service::pipelines::logs.*there are 0"},
			nil,
		},
		"direct and two pipelines": {
			direct("tenant_routing") + "service: {pipelines: {logs/2: {receivers: [tenant_otlp], processors: [memory_limiter, tenant], exporters: [tenant_routing]}, traces: {receivers: [tenant_otlp], processors: [memory_limiter, tenant], exporters: [tenant_routing]}}}",
			[]string{directKey + "sends requests to tenant_routing once, but tenant_otlp is in the pipelines logs and logs/2"},
			nil,
		},
		"direct and two tenant processors": {
			direct("tenant_routing") + "processors: {tenant/2: {source: auth}}\nservice: {pipelines: {logs/2: {receivers: [otlp], processors: [memory_limiter, tenant/2], exporters: [tenant_routing]}}}",
			[]string{directKey + "cannot know which tenant processor stamps requests: the pipelines of logs have tenant and tenant/2"},
			nil,
		},
		"direct and two attributes": {
			direct("tenant_routing") + "processors: {tenant: {attribute: team}}",
			[]string{directKey + "needs one attribute, but tenant sets team, and tenant_routing routes by business_id"},
			nil,
		},
		"direct without a shared guard": {
			"receivers: {tenant_otlp: {guard: built_in, direct: tenant_routing}}",
			[]string{directKey + "needs a request_guard extension, but guard is built_in"},
			[]string{"which has no registry"},
		},

		"service link as a port": {
			"service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: \"tcp://10.0.0.1:8888\"}}}}]}}}",
			[]string{"^service::telemetry::metrics::readers::0::pull::exporter::prometheus::port: is tcp://10.0.0.1:8888 and not a number: Kubernetes .*enableServiceLinks"},
			nil,
		},
		"service link of IPv6 and UDP": {"extensions: {x: {port: \"udp://[fd00::1]:53\"}}", []string{"^extensions::x::port: is udp"}, nil},
		"not a service link":           {"extensions: {x: {port: 8888}, y: {port: \"8888\"}, z: {endpoint: \"tcp://10.0.0.1:2375\", port: {tcp: 1}}}", nil, nil},

		"batch between":              {logs("tenant_otlp", "memory_limiter, tenant, batch", "tenant_routing"), []string{at + "batch between tenant and tenant_routing .*remove batch.*lane::batch"}, nil},
		"named batch between":        {logs("tenant_otlp", "memory_limiter, tenant, batch/2", "tenant_routing"), []string{at + "batch/2 between"}, nil},
		"batch after a filter":       {logs("tenant_otlp", "memory_limiter, tenant, filter, batch", "tenant_routing"), []string{at + "batch between"}, nil},
		"batch and another exporter": {logs("tenant_otlp", "memory_limiter, tenant, batch", "debug, tenant_routing/x"), []string{at + "batch between"}, []string{"routing/x::storage", "routing/x::dead_letter"}},
		"groupbytrace":               {logs("tenant_otlp", "memory_limiter, tenant, groupbytrace", "tenant_routing"), []string{"groupbytrace between"}, nil},
		"tail_sampling":              {logs("tenant_otlp", "memory_limiter, tenant, tail_sampling", "tenant_routing"), []string{"tail_sampling between"}, nil},
		"interval":                   {logs("tenant_otlp", "memory_limiter, tenant, interval", "tenant_routing"), []string{"interval between"}, nil},
		"log dedup":                  {logs("tenant_otlp", "memory_limiter, tenant, log_dedup, logdedup", "tenant_routing"), []string{"log_dedup between", "logdedup between"}, nil},
		"batch in front":             {logs("tenant_otlp", "memory_limiter, batch, tenant", "tenant_routing"), []string{at + "batch in front of tenant .*identity"}, nil},
		"batch with metadata_keys":   {"processors: {batch: {metadata_keys: [x-tenant-id]}}\n" + logs("tenant_otlp", "memory_limiter, batch, tenant", "tenant_routing"), []string{"batch in front of tenant"}, nil},
		"batch on both sides":        {logs("tenant_otlp", "memory_limiter, batch, tenant, batch", "tenant_routing"), []string{"batch in front of tenant", "batch between"}, nil},
		"batch in front, elsewhere":  {logs("tenant_otlp", "memory_limiter, batch, tenant", "debug"), []string{"batch in front of tenant"}, nil},
		"batch of one tenant":        {logs("pm2", "memory_limiter, tenant/edge, batch", "otlp_http"), nil, nil},

		"no tenant":            {logs("tenant_otlp", "memory_limiter", "tenant_routing"), []string{at + "data of tenant_otlp reaches tenant_routing without a tenant processor.*add tenant"}, nil},
		"no processors":        {"service: {pipelines: {logs: {receivers: [tenant_otlp], processors: null, exporters: [tenant_routing]}}}", []string{"without a tenant processor"}, []string{"there is no memory_limiter"}},
		"two pipelines":        {"service: {pipelines: {traces: {receivers: [tenant_otlp], processors: [memory_limiter], exporters: [tenant_routing]}}}", []string{"service::pipelines::traces::processors: .*without a tenant"}, nil},
		"no auth":              {logs("bare", "memory_limiter, tenant", "tenant_routing"), []string{"^receivers::bare::protocols::http::auth: is not set.*authenticator: bearer_key_auth"}, nil},
		"no auth on one port":  {"receivers: {tenant_otlp: {protocols: {grpc: {auth: null}}}}", []string{"^receivers::tenant_otlp::protocols::grpc::auth: is not set"}, nil},
		"no auth, elsewhere":   {logs("bare", "memory_limiter, tenant", "debug"), []string{"receivers::bare"}, nil},
		"one of two receivers": {logs("tenant_otlp, bare", "memory_limiter, tenant", "tenant_routing"), []string{"receivers::bare"}, nil},
		"files at a gateway":   {logs("tenant_otlp, pm2", "memory_limiter, tenant", "tenant_routing"), []string{"^receivers::pm2::auth: is not set.*source: config"}, nil},
		"disabled protocol":    {"receivers: {tenant_otlp: {protocols: {grpc: null}}}", nil, nil},
		"auth of others":       {"receivers: {tenant_otlp: {protocols: {grpc: {auth: {authenticator: oidc}}}}}", nil, []string{"^receivers::tenant_otlp::protocols::grpc::auth::authenticator: is oidc"}},

		"gRPC without its middleware": {"receivers: {otlp: {protocols: {grpc: {middlewares: [{id: request_guard}]}}}}\n" + logs("otlp", "memory_limiter, tenant", "tenant_routing"), nil, []string{"^receivers::otlp::protocols::grpc::middlewares: has no bearer_key_auth"}},
		"no guard": {
			"receivers: {otlp: {protocols: {grpc: {middlewares: [{id: bearer_key_auth}]}, http: {middlewares: null}}}}\n" + logs("otlp", "memory_limiter, tenant", "tenant_routing"), nil,
			[]string{"^receivers::otlp::protocols::grpc::middlewares: has no request_guard.*tenant_otlp", "^receivers::otlp::protocols::http::middlewares: has no request_guard"},
		},

		"guard twice on tenant_otlp": {
			"receivers: {tenant_otlp: {protocols: {http: {middlewares: [{id: request_guard}]}, grpc: {middlewares: [{id: request_guard/b}]}}}}", nil,
			[]string{
				"^receivers::tenant_otlp::protocols::http::middlewares: has request_guard, but tenant_otlp applies the guard request_guard itself.*admitted twice.*remove {id: request_guard}",
				"^receivers::tenant_otlp::protocols::grpc::middlewares: has request_guard/b, but",
				"^extensions::request_guard/b::registry: is not set",
				"^service::extensions: the receivers of tenants use 2 guards: request_guard, request_guard/b;",
			},
		},
		"guard twice on tenant_otlp of an agent": {
			"receivers: {tenant_otlp: {protocols: {http: {middlewares: [{id: request_guard}]}}}}\n" + logs("tenant_otlp", "memory_limiter, tenant/edge", "otlp_http"), nil,
			[]string{"^receivers::tenant_otlp::protocols::http::middlewares: has request_guard"},
		},
		"remote write": {
			"receivers: {prometheus_remote_write: {auth: {authenticator: bearer_key_auth}}}\n" + strings.Replace(logs("prometheus_remote_write", "memory_limiter, tenant", "tenant_routing"), "logs:", "metrics:", 1), nil, nil,
		},
		"remote write without auth": {
			"receivers: {prometheus_remote_write: {}}\n" + strings.Replace(logs("prometheus_remote_write", "memory_limiter, tenant", "tenant_routing"), "logs:", "metrics:", 1),
			[]string{"^receivers::prometheus_remote_write::auth: is not set"},
			nil,
		},
		"guard twice on remote write": {
			"receivers: {prometheus_remote_write: {auth: {authenticator: bearer_key_auth}, middlewares: [{id: request_guard}]}}\n" + strings.Replace(logs("prometheus_remote_write", "memory_limiter, tenant", "tenant_routing"), "logs:", "metrics:", 1), nil,
			[]string{"^receivers::prometheus_remote_write::middlewares: has request_guard, but prometheus_remote_write applies the guard request_guard itself"},
		},
		"loki push": {
			"receivers: {loki_push: {auth: {authenticator: bearer_key_auth}}}\n" + logs("loki_push", "memory_limiter, tenant", "tenant_routing"), nil, nil,
		},
		"loki push without auth": {
			"receivers: {loki_push: {}}\n" + logs("loki_push", "memory_limiter, tenant", "tenant_routing"),
			[]string{"^receivers::loki_push::auth: is not set"},
			nil,
		},
		"guard twice on loki push": {
			"receivers: {loki_push: {auth: {authenticator: bearer_key_auth}, middlewares: [{id: request_guard}]}}\n" + logs("loki_push", "memory_limiter, tenant", "tenant_routing"), nil,
			[]string{"^receivers::loki_push::middlewares: has request_guard, but loki_push applies the guard request_guard itself"},
		},
		"guard twice on otlp": {
			"receivers: {otlp: {protocols: {http: {middlewares: [{id: request_guard}, {id: other}, {id: request_guard}]}}}}\n" + logs("otlp", "memory_limiter, tenant", "tenant_routing"), nil,
			[]string{"^receivers::otlp::protocols::http::middlewares: has request_guard and request_guard: each request is admitted 2 times"},
		},
		"one guard of two receivers":    {logs("otlp, tenant_otlp", "memory_limiter, tenant", "tenant_routing"), nil, nil},
		"guards of their own":           {"extensions: {request_guard/b: {registry: tenant_registry}}\nreceivers: {tenant_otlp: {guard: request_guard/b}}\n" + logs("otlp, tenant_otlp", "memory_limiter, tenant", "tenant_routing"), nil, []string{"^service::extensions: .* 2 guards: request_guard, request_guard/b;.*one request_guard for all"}},
		"guard without registry":        {"extensions: {request_guard: null}", nil, []string{"^extensions::request_guard::registry: is not set.*suspended"}},
		"middleware without registry":   {"extensions: {request_guard: {registry: \"\"}}\n" + logs("otlp", "memory_limiter, tenant", "tenant_routing"), nil, []string{"^extensions::request_guard::registry: is not set"}},
		"built-in guard":                {"receivers: {tenant_otlp: {guard: built_in}}", nil, []string{"^receivers::tenant_otlp::guard: is built_in, which has no registry"}},
		"agent's guard has no registry": {"extensions: {request_guard: null}\n" + logs("tenant_otlp", "memory_limiter, tenant/edge", "otlp_http"), nil, nil},
		"agent's guard is built in":     {"receivers: {tenant_otlp: {guard: built_in}}\n" + logs("tenant_otlp", "memory_limiter, tenant/edge", "otlp_http"), nil, nil},
		"guard of another registry":     {"extensions: {request_guard: {registry: tenant_registry/b}}", nil, []string{"^extensions::request_guard::registry: is tenant_registry/b, but exporters::tenant_routing::registry is tenant_registry:"}},
		"processor of another registry": {"processors: {tenant: {registry: tenant_registry/b}}", nil, []string{"^processors::tenant::registry: is tenant_registry/b"}},
		"keys of another registry":      {"extensions: {bearer_key_auth: {registry: tenant_registry/b}}", nil, []string{"^extensions::bearer_key_auth::registry: is tenant_registry/b"}},
		"all of another registry":       {"extensions: {bearer_key_auth: {registry: r}, request_guard: {registry: r}}\nprocessors: {tenant: {registry: r}}\nexporters: {tenant_routing: {registry: r}}", nil, nil},
		"no memory_limiter":             {logs("tenant_otlp", "tenant", "tenant_routing"), nil, []string{at + "there is no memory_limiter"}},
		"memory_limiter is second":      {logs("tenant_otlp", "tenant, memory_limiter", "tenant_routing"), nil, []string{at + "memory_limiter is not the first processor.*put it first"}},
		"no storage":                    {"exporters: {tenant_routing: {storage: null}}", nil, []string{"^exporters::tenant_routing::storage: is not set.*file_storage"}},
		"no dead_letter":                {"exporters: {tenant_routing: {dead_letter: null}}", nil, []string{"^exporters::tenant_routing::dead_letter: is not set"}},
		"agent without storage":         {"exporters: {otlp_http: {sending_queue: {storage: null}}}\n" + logs("pm2", "memory_limiter, tenant/edge", "otlp_http"), nil, []string{"^exporters::otlp_http::sending_queue::storage: is not set"}},
		"agent without a guard":         {"receivers: {otlp: {protocols: {grpc: null, http: {middlewares: null}}}}\n" + logs("otlp, tenant_otlp, pm2", "memory_limiter, tenant/edge", "otlp_http"), nil, []string{"^receivers::otlp::protocols::http::middlewares: has no request_guard"}},
		"agent without a queue":         {"exporters: {otlp_http: {sending_queue: {enabled: false}}}\n" + logs("pm2", "memory_limiter, tenant/edge", "otlp_http"), nil, nil},
		"only upstream components":      {logs("bare", "batch", "otlp_http"), nil, nil},
		"agent that drops data":         {"exporters: {otlp_http: {auth: {authenticator: bearer_key_auth/a}}}\n" + logs("pm2", "memory_limiter, tenant/edge", "otlp_http"), nil, []string{"^exporters::otlp_http: drops data that .*401, 403, 404 or 413.*tenant_routing"}},
		"agent with lanes":              {"exporters: {tenant_routing: {registry: null, routes: {logs: [a]}, migrate_queues: [otlp_http]}}\n" + logs("pm2", "memory_limiter, tenant/edge", "tenant_routing"), nil, nil},
		"queue in use":                  {"exporters: {tenant_routing: {migrate_queues: [otlp_http/x, otlp_http]}}\n" + logs("pm2", "memory_limiter, tenant/edge", "tenant_routing, otlp_http"), []string{"^exporters::tenant_routing::migrate_queues: names otlp_http, which is an exporter of the pipeline logs"}, nil},
		"gateway without registry":      {"exporters: {tenant_routing: {registry: null, routes: {logs: [a]}}}", nil, []string{"^exporters::tenant_routing::registry: is not set"}},
	} {
		refused, warned := check(t, c.change)
		matches(t, name+" refuses", c.refused, refused)
		matches(t, name+" warns", c.warned, warned)
	}
}

// TestCheck_Connectors has the components in separate pipelines.
func TestCheck_Connectors(t *testing.T) {
	two := func(first, connector, second string) string {
		return "service: {pipelines: {logs: {receivers: [tenant_otlp], processors: [" + first + "], exporters: [" + connector + "]}, " +
			"logs/out: {receivers: [" + connector + "], processors: [" + second + "], exporters: [tenant_routing]}}}"
	}
	const fine = "no memory_limiter"
	for name, c := range map[string]struct {
		change          string
		refused, warned []string
	}{
		"tenant, then forward":      {two("memory_limiter, tenant", "forward", ""), nil, []string{fine}},
		"forward, then tenant":      {two("memory_limiter", "forward", "memory_limiter, tenant"), nil, nil},
		"no tenant in either":       {two("memory_limiter", "forward", "memory_limiter"), []string{"logs/out::processors: data of tenant_otlp reaches"}, nil},
		"batch before the forward":  {two("memory_limiter, tenant, batch", "forward", "memory_limiter"), []string{"pipelines::logs::processors: batch between"}, nil},
		"batch after the forward":   {two("memory_limiter, tenant", "forward", "memory_limiter, batch"), []string{"pipelines::logs/out::processors: batch between"}, nil},
		"batch in front, elsewhere": {two("memory_limiter, batch", "forward", "memory_limiter, tenant"), []string{"pipelines::logs::processors: batch in front of tenant"}, nil},
		"merging connector":         {two("memory_limiter, tenant", "spanmetrics", "memory_limiter"), []string{"logs/out::receivers: spanmetrics between"}, nil},
		"unknown connector":         {two("memory_limiter, tenant", "count", "memory_limiter"), nil, []string{"logs/out::receivers: the connector count"}},
		"connector drops identity":  {two("memory_limiter", "count", "memory_limiter, tenant"), []string{"logs/out::receivers: count in front of tenant"}, nil},
		"no auth behind a forward":  {"receivers: {tenant_otlp: {protocols: {grpc: null, http: {auth: null}}}}\n" + two("memory_limiter", "forward", "memory_limiter, tenant"), []string{"receivers::tenant_otlp::protocols::http::auth"}, nil},
	} {
		conf := c.change
		refused, warned := check(t, conf)
		matches(t, name+" refuses", c.refused, refused)
		matches(t, name+" warns", c.warned, warned)
	}
}

// One extension reports, independent of the number of extensions.
func TestReport_OnlyFirstExtension(t *testing.T) {
	for _, tt := range []struct {
		extensions, reports string
	}{
		{"[health_check, request_guard]", "request_guard"},
		{"[tenant_registry, request_guard]", "tenant_registry"},
		{"[request_guard/a, tenant_registry, request_guard]", "request_guard/a"},
	} {
		conf := parse(t, good)
		merge(conf, parse(t, "exporters: {tenant_routing: {storage: null}}\nservice: {extensions: "+tt.extensions+"}"))
		refused := parse(t, good)
		merge(refused, parse(t, logs("tenant_otlp", "memory_limiter", "tenant_routing")))
		merge(refused, parse(t, "service: {extensions: "+tt.extensions+"}"))
		for _, id := range []string{"tenant_registry", "request_guard", "request_guard/a"} {
			core, logged := observer.New(zap.WarnLevel)
			require.NoError(t, Report(conf, id, zap.New(core)))
			err := Report(refused, id, zap.New(core))
			if id != tt.reports {
				require.NoError(t, err)
				assert.Zero(t, logged.Len(), "%s: %s", tt.extensions, id)
				continue
			}
			require.ErrorContains(t, err, "without a tenant processor")
			require.Equal(t, 1, logged.Len(), tt.extensions)
			assert.Equal(t, "exporters::tenant_routing::storage", logged.All()[0].ContextMap()["key"])
		}
	}
}

// Check ignores trees that are not a configuration, and must not panic.
func TestCheck_AcceptsAnyTree(t *testing.T) {
	for _, text := range []string{
		"{}", "service: x", "service: {pipelines: [a]}", "service: {pipelines: {logs: null}}", "service: {pipelines: {logs: {receivers: {a: b}, exporters: tenant_routing}}}",
		"connectors: {a: {}, b: {}}\nservice: {pipelines: {logs/a: {receivers: [a], exporters: [b]}, logs/b: {receivers: [b], exporters: [a, tenant_routing]}}}",
		"receivers: {r: {protocols: x, auth: [1]}}\nprocessors: {tenant: [1]}\n" + logs("r", "tenant, 1, null", "tenant_routing"),
	} {
		Check(parse(t, text))
	}
	Check(nil)
}

var reference = regexp.MustCompile(`\$\{env:[A-Z_0-9]+(:-([^}]*))?\}`)

func shipped(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "distributions", name, "config.yaml"))
	require.NoError(t, err)
	return parse(t, reference.ReplaceAllString(string(raw), "$2"))
}

func size(t *testing.T, text string) (s bytesize.Size) {
	t.Helper()
	require.NoError(t, s.UnmarshalText([]byte(text)))
	return s
}

// The shipped configurations have no findings.
func TestCheck_ShippedConfigurations(t *testing.T) {
	for _, name := range []string{"agent", "gateway"} {
		assert.Empty(t, Check(shipped(t, name)), name)
	}
}
