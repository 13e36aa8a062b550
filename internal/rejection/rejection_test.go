package rejection

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
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
)

// TestReasons_AreAnsweredAsDesigned is the table that receivers, documentation and
// senders rely on.
func TestReasons_AreAnsweredAsDesigned(t *testing.T) {
	type answer struct {
		code  codes.Code
		http  int
		again bool
	}
	want := map[string]answer{
		"unauthenticated":     {codes.Unauthenticated, 401, false},
		"suspended":           {codes.PermissionDenied, 403, false},
		"scope":               {codes.PermissionDenied, 403, false},
		"forbidden":           {codes.PermissionDenied, 403, false},
		"registry_not_loaded": {codes.Unavailable, 503, true},
		"rate":                {codes.ResourceExhausted, 429, true},
		"quota":               {codes.ResourceExhausted, 429, true},
		"lane_full":           {codes.ResourceExhausted, 429, true},
		"tenant_requests":     {codes.ResourceExhausted, 429, true},
		"tenant_memory":       {codes.ResourceExhausted, 429, true},
		"requests":            {codes.Unavailable, 503, true},
		"memory":              {codes.Unavailable, 503, true},
		"stopping":            {codes.Unavailable, 503, true},
		"malformed":           {codes.InvalidArgument, 400, false},
		"too_large":           {codes.ResourceExhausted, 413, false},
		"depth":               {codes.ResourceExhausted, 413, false},
		"elements":            {codes.ResourceExhausted, 413, false},
		"encoding":            {codes.Unimplemented, 415, false},
		"slow":                {codes.DeadlineExceeded, 408, false},
		"canceled":            {codes.Canceled, 499, false},
		"panic":               {codes.Internal, 500, false},
		"downstream":          {codes.Unavailable, 503, true},
	}
	got := map[string]answer{}
	for r := None + 1; r < numReasons; r++ {
		err := New(r, "some text")
		got[r.String()] = answer{status.Code(err), err.HTTPStatus(), r.Retryable()}
		assert.Equal(t, r, err.Reason())
		assert.Equal(t, "some text", err.Error())
		assert.Equal(t, !r.Retryable(), consumererror.IsPermanent(err), r.String())
		delay, again := err.RetryDelay()
		assert.Equal(t, r.Retryable(), again, r.String())
		assert.Equal(t, again, len(err.GRPCStatus().Details()) == 1, r.String())
		header := http.Header{}
		err.SetHeader(header)
		if again {
			assert.GreaterOrEqual(t, delay, time.Second)
			assert.Regexp(t, `^[1-9]\d*$`, header.Get("Retry-After"), r.String())
		} else {
			assert.Empty(t, header.Get("Retry-After"), r.String())
		}
		assert.Equal(t, r == Slow, header.Get("Connection") == "close", r.String())
	}
	assert.Equal(t, want, got)
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
			code, http, again := strings.ToUpper(snakeCase(r.Code().String())), fmt.Sprint(r.HTTPStatus()), "yes"
			switch {
			case r.Retryable():
				code, http = code+" + RetryInfo", http+" + Retry-After"
			case r.Code() == codes.ResourceExhausted:
				code, again = code+" without RetryInfo", "no"
			case r == Slow:
				again = "over gRPC" // clients retry DEADLINE_EXCEEDED by themselves
			default:
				again = "no"
			}
			assert.Equal(t, []string{code, http, again}, []string{cells[2], cells[3], strings.TrimSpace(cells[5])}, name[1])
		}
	}
	assert.Empty(t, byName, "docs/architecture.md has no row for them")
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

func TestFrom_KeepsWhatAConsumerSays(t *testing.T) {
	retry, err := status.New(codes.ResourceExhausted, "lane is full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	require.NoError(t, err)
	own := New(Scope, "the API key may not send logs")
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
		{consumererror.NewPermanent(errors.New("password=secret")), 400, codes.InvalidArgument, "the data was refused", false},
		{errors.New("dial db.internal: refused"), 503, codes.Unavailable, "the data cannot be taken now", true},
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

func TestForIdentity_SaysWhatTheTenantProcessorSaid(t *testing.T) {
	assert.Equal(t, "the tenant registry has not been loaded yet", ForIdentity(NotLoaded, "logs").Error())
	assert.Equal(t, "the tenant is suspended", ForIdentity(Suspended, "logs").Error())
	assert.Equal(t, "the API key may not send logs", ForIdentity(Scope, "logs").Error())
	assert.Equal(t, "the tenant of the API key does not exist", ForIdentity(Unauthenticated, "logs").Error())
}
