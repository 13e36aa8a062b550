// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// situation is a row of the design: what happened, and how each caller is answered.
type situation struct {
	name    string
	code    codes.Code
	http    int
	retry   bool
	reasons []Reason
}

// situations has every reason once. The first six rows are the contract of the
// design; the others are situations that it leaves to this package.
func situations() []situation {
	return []situation{
		{"no, unknown, expired or revoked key; header names another tenant; tenant is gone", codes.Unauthenticated, 401, false, []Reason{
			NoKey, SeveralKeys, NotBearer, PercentEncoded, QuotedKey, NoScheme, OtherScheme, DoubledScheme, MalformedBasic, MalformedKey, UnknownKey,
			WrongUsername, TenantDeleted,
			RevokedKey, NotYetValid, ExpiredKey, SourceAddress, Origin, TenantHeader, NoIdentity, UnknownTenant,
		}},
		{"tenant suspended; signal not in the key's scopes", codes.PermissionDenied, 403, false, []Reason{Suspended, Scope}},
		{"over a rate or quota; lane full", codes.ResourceExhausted, 429, true, []Reason{Rate, Quota, LaneFull}},
		{"registry never loaded; memory limit; shutting down", codes.Unavailable, 503, true, []Reason{NotLoaded, Memory, Stopping}},
		{"malformed payload", codes.InvalidArgument, 400, false, []Reason{Malformed, NoTenant}},
		{"too large", codes.ResourceExhausted, 413, false, []Reason{TooLarge, Depth, Elements}},

		{"data of another tenant, or without a route", codes.PermissionDenied, 403, false, []Reason{TenantMismatch, NoRoute}},
		{"the tenant's share of what is in flight", codes.ResourceExhausted, 429, true, []Reason{TenantRequests, TenantMemory}},
		{"the collector cannot accept data now", codes.Unavailable, 503, true, []Reason{
			Requests, Migration, TooManyTenants, UnknownDestination, DiskFull, Storage, Downstream,
		}},
		{"another path", codes.Unimplemented, 404, false, []Reason{Path}},
		{"another method", codes.Unimplemented, 405, false, []Reason{Method}},
		{"no stream", codes.InvalidArgument, 422, false, []Reason{NoStream}},
		{"unknown Content-Type or Content-Encoding", codes.Unimplemented, 415, false, []Reason{ContentType, Encoding}},
		{"slow upload", codes.DeadlineExceeded, 408, false, []Reason{Slow}},
		{"canceled by the caller", codes.Canceled, 499, false, []Reason{Canceled}},
		{"defect", codes.Internal, 500, false, []Reason{Panic}},
	}
}

func TestReasons_AreAnsweredAsDesigned(t *testing.T) {
	seen := map[Reason]bool{}
	names := map[string]bool{}
	for _, s := range situations() {
		for _, r := range s.reasons {
			require.False(t, seen[r], "%v is in two rows", r)
			seen[r] = true
			require.NotEmpty(t, r.String())
			require.False(t, names[r.String()], "%v: two reasons have this name", r)
			names[r.String()] = true
			require.NotEmpty(t, r.Text(), "%v", r)

			err := New(r, "some text")
			assert.Equal(t, s.code, status.Code(err), "%v: %s", r, s.name)
			assert.Equal(t, s.http, err.HTTPStatus(), "%v: %s", r, s.name)
			assert.Equal(t, s.retry, r.Retryable(), "%v: %s", r, s.name)
			assert.Equal(t, r, err.Reason())
			assert.Equal(t, "some text", err.Error())
			assert.Equal(t, !s.retry, consumererror.IsPermanent(err), "%v", r)
			delay, retry := err.RetryDelay()
			assert.Equal(t, s.retry, retry, "%v", r)
			assert.Equal(t, s.retry, len(err.GRPCStatus().Details()) == 1, "%v: RetryInfo", r)
			header := http.Header{}
			err.SetHeader(header)
			if s.retry {
				assert.GreaterOrEqual(t, delay, time.Second)
				assert.Regexp(t, `^[1-9]\d*$`, header.Get("Retry-After"), "%v", r)
			} else {
				assert.Empty(t, header.Get("Retry-After"), "%v", r)
			}
			assert.Equal(t, r == Slow, header.Get("Connection") == "close", "%v", r)
		}
	}
	assert.Len(t, seen, NumReasons-1, "a reason is in no row")
}

func TestReason_TextReplacesItsVerbs(t *testing.T) {
	for _, tt := range []struct {
		reason Reason
		args   []any
		want   string
	}{
		{Scope, []any{tenant.Logs}, "the API key may not send logs"},
		{NoRoute, []any{tenant.Metrics}, "the tenant has no destination for metrics"},
		{UnknownDestination, []any{tenant.Traces}, "the route of the tenant's traces does not work"},
		{TooManyTenants, []any{7}, "7 other tenants already have data here (max_tenants)"},
		{NoTenant, []any{"business_id"}, `a resource lacks the attribute "business_id", which names its tenant`},
		{Path, []any{"/v1/logs"}, "there is nothing at this path, send to /v1/logs"},
		{ContentType, []any{"application/json"}, "the Content-Type is not supported, send application/json"},
		{Suspended, []any{tenant.Logs}, "the tenant is suspended"},
		{PercentEncoded, []any{tenant.Logs}, PercentEncoded.Text()},
	} {
		assert.Equal(t, tt.want, Of(tt.reason, tt.args...).Error())
	}
	assert.Equal(t, Panic.Text(), Reason(200).Text(), "a value that is no reason is a defect")
}

// TestArchitecture_ShowsTheTable compares what users read with the code.
func TestArchitecture_ShowsTheTable(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	require.NoError(t, err)
	byName := map[string]Reason{}
	for r := None + 1; r < numReasons; r++ {
		byName[r.String()] = r
	}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 6 {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			r, ok := byName[name[1]]
			if !assert.True(t, ok, "%s: unknown, or in two rows", name[1]) {
				continue
			}
			delete(byName, name[1])
			code, http, retry := strings.ToUpper(snakeCase(r.Code().String())), fmt.Sprint(r.HTTPStatus()), "yes"
			switch {
			case r.Retryable():
				code, http = code+" + RetryInfo", http+" + Retry-After"
			case r.Code() == codes.ResourceExhausted:
				code, retry = code+" without RetryInfo", "no"
			case r == Slow:
				retry = "over gRPC" // clients retry DEADLINE_EXCEEDED by themselves
			default:
				retry = "no"
			}
			assert.Equal(t, []string{code, http, retry}, []string{cells[2], cells[3], strings.TrimSpace(cells[5])}, name[1])
		}
	}
	assert.Empty(t, byName, "docs/architecture.md has no row for them")
}

// TestArchitecture_ShowsTheSources compares the column "by" with the code.
func TestArchitecture_ShowsTheSources(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	require.NoError(t, err)
	words := map[Source][]string{
		Guard:     {"`request_guard`", "each receiver", "`loki_push`", "each component"},
		Processor: {"`tenant`"},
		Exporter:  {"`tenant_routing`", "each component"},
	}
	shown := map[Source]int{}
	for r := None + 1; r < numReasons; r++ {
		row := regexp.MustCompile("(?m)^\\|[^|]*\\|[^|]*`" + r.String() + "`.*\\|(?:[^|]*\\|){4}$").FindString(string(doc))
		cells := strings.Split(strings.Trim(row, "|"), " | ")
		require.Len(t, cells, 6, "%v", r)
		for source, names := range words {
			if !source.Of(r) {
				continue
			}
			shown[source]++
			assert.True(t, slices.ContainsFunc(names, func(name string) bool { return strings.Contains(cells[4], name) }),
				"%v: docs/architecture.md says by %s, the code %v", r, cells[4], names)
		}
	}
	for source := range words {
		assert.Len(t, sources[source], shown[source], "a reason is listed twice")
		assert.NotZero(t, shown[source])
	}
	assert.Subset(t, OfCallers(), sources[Guard])
	assert.NotContains(t, OfCallers(), NoKey)
}

// snakeCase returns CamelCase as camel_case.
func snakeCase(s string) string {
	return strings.TrimPrefix(regexp.MustCompile("[A-Z]").ReplaceAllString(s, "_$0"), "_")
}

func TestRetry_SpreadsDelaysWithinBounds(t *testing.T) {
	for want, bounds := range map[time.Duration][2]time.Duration{
		0:                {time.Second, 3 * time.Second},
		10 * time.Second: {5 * time.Second, 15 * time.Second},
		24 * time.Hour:   {30 * time.Second, 90 * time.Second},
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			err := Retry(Quota, "text", want)
			delay, ok := err.RetryDelay()
			require.True(t, ok)
			assert.GreaterOrEqual(t, delay, bounds[0])
			assert.LessOrEqual(t, delay, bounds[1])
			info := err.GRPCStatus().Details()[0].(*errdetails.RetryInfo)
			assert.Equal(t, delay, info.GetRetryDelay().AsDuration())
			seen[delay] = true
		}
		assert.Greater(t, len(seen), 150)
	}
}

func TestFrom_KeepsTheErrorOfAConsumer(t *testing.T) {
	retry, err := status.New(codes.ResourceExhausted, "lane is full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	require.NoError(t, err)
	own := Of(Scope, tenant.Logs)
	for _, tt := range []struct {
		err   error
		http  int
		code  codes.Code
		text  string
		again bool
	}{
		{own, 403, codes.PermissionDenied, own.Error(), false},
		{fmt.Errorf("wrapped: %w", own), 403, codes.PermissionDenied, own.Error(), false},
		{retry.Err(), 429, codes.ResourceExhausted, "lane is full", true},
		{status.Error(codes.ResourceExhausted, "too large"), 413, codes.ResourceExhausted, "too large", false},
		{status.Error(codes.InvalidArgument, "bad"), 400, codes.InvalidArgument, "bad", false},
		{status.Error(codes.Unauthenticated, "who"), 401, codes.Unauthenticated, "who", false},
		{status.Error(codes.PermissionDenied, "no"), 403, codes.PermissionDenied, "no", false},
		{status.Error(codes.Unavailable, "later"), 503, codes.Unavailable, "later", true},
		{status.Error(codes.Internal, "broken"), 500, codes.Internal, "broken", false},
		{consumererror.NewPermanent(errors.New("password=secret")), 400, codes.InvalidArgument, "the data was rejected", false},
		{errors.New("dial db.internal: refused"), 503, codes.Unavailable, Downstream.Text(), true},
	} {
		got := From(tt.err)
		assert.Equal(t, tt.http, got.HTTPStatus(), "%v", tt.err)
		assert.Equal(t, tt.code, status.Code(got), "%v", tt.err)
		assert.Equal(t, tt.text, got.Error(), "%v", tt.err)
		_, again := got.RetryDelay()
		assert.Equal(t, tt.again, again, "%v", tt.err)
	}
	delay, _ := From(retry.Err()).RetryDelay()
	assert.Equal(t, 3*time.Second, delay)
}
