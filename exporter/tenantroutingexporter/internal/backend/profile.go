// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/config/configcompression"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Profile has the defaults for one kind of backend. The settings of a destination can override them.
type Profile struct {
	Name string

	// Paths are appended to the endpoint, by signal. Empty means that the backend does not accept the
	// signal.
	Paths [3]string

	// Headers are templates.
	Headers map[string]string

	Compression   configcompression.Type   // the default
	Compressions  []configcompression.Type // supported compressions in addition to none; nil: all
	NoTenancy     bool                     // it does not separate tenants: each needs its own instance
	Accounts      bool                     // tenants are numbers, in AccountID and ProjectID or in the path
	ProtobufOnly  bool                     // JSON is rejected or misread
	NoGRPC        string                   // why gRPC must not be used; empty if it may
	Cumulative    bool                     // delta points must be converted: it rejects them, drops them or stores them as if they were totals
	SpanIDs       bool                     // it rejects a whole request because of a span without trace or span ID
	MaxBatchBytes int                      // encoded, before compression; 0: no own limit
	Statuses      map[int]lane.Verdict     // HTTP statuses with another meaning than in OTLP

	// Ordered backends reject a sample that is older than another of its series. A lane
	// has one batch in flight.
	Ordered bool

	// SoftErrors are partial successes with a message that reject nothing: the backend
	// has rejected records, and does not say how many.
	SoftErrors bool

	// Rejections returns how many of the records a status 400 with a message rejects; the backend stores the
	// others. 0: not known. Nil: the message never states it.
	Rejections func(message string, records int) int
}

const mib = 1 << 20

func paths(logs, metrics, traces string) [3]string {
	var p [3]string
	p[tenant.Logs], p[tenant.Metrics], p[tenant.Traces] = logs, metrics, traces
	return p
}

var noOTLPOverGRPC = "it takes OTLP over HTTP only"

// streamFields identify streams in VictoriaLogs. Without them, all resource attributes do, and process.pid
// makes a stream for each process.
const streamFields = "business_id,service.namespace,service.name,deployment.environment.name,deployment.environment," +
	"host.name,k8s.cluster.name,k8s.namespace.name,k8s.pod.name,k8s.container.name"

// profiles returns the table of known backends.
func profiles() []Profile {
	gzip, zstd := configcompression.TypeGzip, configcompression.TypeZstd
	orgID := map[string]string{"X-Scope-OrgID": "{tenant}"}
	return []Profile{
		{Name: "otlp", Paths: paths("/v1/logs", "/v1/metrics", "/v1/traces"), Compression: gzip},
		{
			Name: "loki", Paths: paths("/otlp/v1/logs", "", ""), Headers: orgID, NoGRPC: noOTLPOverGRPC,
			Compression: zstd, Compressions: []configcompression.Type{gzip, zstd, configcompression.TypeLz4},
			MaxBatchBytes: 4 * mib, // a batch above the default burst of 6 MB never passes
			Statuses:      map[int]lane.Verdict{422: lane.Rejected},
			Rejections:    lokiRejections,
		},
		{Name: "tempo", Paths: paths("", "", "/v1/traces"), Headers: orgID, Compression: zstd, SpanIDs: true, MaxBatchBytes: 15 * mib},
		{
			Name: "mimir", Paths: paths("", "/otlp/v1/metrics", ""), Headers: orgID, NoGRPC: noOTLPOverGRPC,
			Compression: zstd, Compressions: []configcompression.Type{gzip, zstd, configcompression.TypeLz4},
			Cumulative: true, Ordered: true, SoftErrors: true,
			Statuses: map[int]lane.Verdict{529: lane.Retry},
		},
		{
			Name: "cortex", Paths: paths("", "/api/v1/otlp/v1/metrics", ""), Headers: orgID, NoGRPC: noOTLPOverGRPC,
			Compression: gzip, Compressions: []configcompression.Type{gzip}, Cumulative: true, Ordered: true,
		},
		{
			Name: "prometheus", Paths: paths("", "/api/v1/otlp/v1/metrics", ""), NoGRPC: noOTLPOverGRPC,
			Compression: gzip, Compressions: []configcompression.Type{gzip}, Cumulative: true, NoTenancy: true, Ordered: true,
		},
		{
			Name: "signoz", Paths: paths("/v1/logs", "/v1/metrics", "/v1/traces"), Compression: gzip,
			Headers: map[string]string{tenant.HeaderBusinessID: "{tenant}"},
		},
		{
			Name: "oneuptime", Paths: paths("/otlp/v1/logs", "/otlp/v1/metrics", "/otlp/v1/traces"),
			Headers:     map[string]string{"x-oneuptime-token": "{vars.oneuptime_token}"},
			NoGRPC:      "it answers success to a bad token over gRPC and drops the data",
			Compression: gzip, Compressions: []configcompression.Type{gzip},
			MaxBatchBytes: mib, // its ingress takes at most 1 MB
		},
		{
			Name: "victoriametrics", Paths: paths("", "/opentelemetry/v1/metrics", ""), NoGRPC: noOTLPOverGRPC,
			Compression: gzip, Compressions: []configcompression.Type{gzip, zstd}, ProtobufOnly: true, Accounts: true, MaxBatchBytes: 32 * mib,
			Cumulative: true, NoTenancy: true,
		},
		{
			Name: "victorialogs", Paths: paths("/insert/opentelemetry/v1/logs", "", ""), NoGRPC: noOTLPOverGRPC,
			Headers:     map[string]string{"AccountID": "{vars.account_id}", "VL-Stream-Fields": streamFields},
			Compression: gzip, Compressions: []configcompression.Type{gzip, zstd}, ProtobufOnly: true, Accounts: true, MaxBatchBytes: 32 * mib,
		},
		{
			Name: "victoriatraces", Paths: paths("", "", "/insert/opentelemetry/v1/traces"),
			NoGRPC:      "it answers INTERNAL over gRPC while it cannot write, after which data is not sent again",
			Headers:     map[string]string{"AccountID": "{vars.account_id}"},
			Compression: gzip, Compressions: []configcompression.Type{gzip, zstd}, ProtobufOnly: true, Accounts: true, MaxBatchBytes: 32 * mib,
		},
		{Name: "jaeger", Paths: paths("", "", "/v1/traces"), Compression: gzip, NoTenancy: true},
	}
}

// FindProfile returns the profile of that name; the empty name is "otlp".
func FindProfile(name string) (Profile, error) {
	if name == "" {
		name = "otlp"
	}
	var names []string
	for _, p := range profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return Profile{}, fmt.Errorf("unknown profile %q, want one of %s", name, strings.Join(names, ", "))
}

// CheckCompression returns an error if the backend does not support c.
func (p *Profile) CheckCompression(c configcompression.Type) error {
	if !c.IsCompressed() || p.Compressions == nil || slices.Contains(p.Compressions, c) {
		return nil
	}
	return fmt.Errorf("%s does not support %q", p.Name, c)
}

// headerKind returns the kind of a header. name is in lower case.
func (p *Profile) headerKind(lower string) template.Kind {
	switch {
	case lower == strings.ToLower(tenant.HeaderScopeOrgID):
		return template.ScopeOrgID
	case p.Accounts && (lower == "accountid" || lower == "projectid"):
		return template.Account
	}
	return template.Header
}

// verdict returns what an HTTP status means.
func (p *Profile) verdict(status int) lane.Verdict {
	if v, ok := p.Statuses[status]; ok {
		return v
	}
	switch {
	case status >= 200 && status <= 299:
		return lane.Delivered
	case status >= 300 && status <= 399:
		return lane.Blocked // a redirect is not followed: it would take credentials elsewhere
	}
	switch status {
	case 408, 429, 502, 503, 504:
		return lane.Retry
	case 401, 402, 403, 404, 405, 407:
		return lane.Blocked
	case 413:
		return lane.TooLarge
	}
	return lane.Rejected
}
