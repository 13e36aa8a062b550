// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// basicAuth returns Basic credentials as net/http encodes them.
func basicAuth(username, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(username, password)
	return r.Header.Get("Authorization")
}

func TestBasic_Values(t *testing.T) {
	text, key := newKey()
	revoked, revokedEntry := newKey(func(k *tenant.Key) { k.RevokedAt = noon })
	unknown, _ := newKey()
	longID := tenant.ID(strings.Repeat("x", tenant.MaxIDLength))
	longText, longKey := newKey()
	c, _ := startServer(t, tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key, revokedEntry}},
		&tenant.Tenant{ID: longID, Keys: []*tenant.Key{longKey}},
	))
	encoded := strings.TrimPrefix(basicAuth("tenant-a", text), "Basic ")
	padded := strings.TrimPrefix(basicAuth("", text), "Basic ")
	require.NotContains(t, encoded, "=", "the tests of padding need a value of each kind")
	require.True(t, strings.HasSuffix(padded, "="))
	for name, tt := range map[string]struct {
		value string
		want  decision
	}{
		"tenant ID as user ID":        {"Basic " + encoded, accepted},
		"no user ID":                  {"Basic " + padded, accepted},
		"longest tenant ID":           {basicAuth(string(longID), longText), accepted},
		"lower-case scheme":           {"basic " + encoded, accepted},
		"upper-case scheme":           {"BASIC " + encoded, accepted},
		"blanks":                      {" Basic \t" + encoded + " ", accepted},
		"other user ID":               {basicAuth("tenant-b", text), wrongUsername},
		"user ID in another case":     {basicAuth("Tenant-A", text), wrongUsername},
		"user ID with a blank":        {basicAuth("tenant-a ", text), wrongUsername},
		"user ID with NUL":            {basicAuth("tenant-a\x00", text), wrongUsername},
		"other user ID, revoked key":  {basicAuth("tenant-b", revoked), wrongUsername},
		"revoked key":                 {basicAuth("tenant-a", revoked), revokedKey},
		"unknown key":                 {basicAuth("tenant-a", unknown), unknownKey},
		"scheme alone":                {"Basic", malformedBasic},
		"no base64":                   {"Basic " + text, malformedBasic},
		"missing padding":             {"Basic " + strings.TrimRight(padded, "="), malformedBasic},
		"additional padding":          {"Basic " + encoded + "=", malformedBasic},
		"URL alphabet":                {"Basic " + base64.URLEncoding.EncodeToString([]byte("?>?:"+text)), malformedBasic},
		"trailing bits":               {"Basic " + withTrailingBits(padded), malformedBasic},
		"line break":                  {"Basic " + encoded[:8] + "\n" + encoded[8:], malformedBasic},
		"carriage return":             {"Basic " + encoded + "\r", malformedBasic},
		"blank inside":                {"Basic " + encoded[:8] + " " + encoded[8:], malformedBasic},
		"second value":                {"Basic " + encoded + ", Basic " + encoded, malformedBasic},
		"no colon":                    {"Basic " + base64.StdEncoding.EncodeToString([]byte(text)), malformedBasic},
		"empty":                       {basicAuth("", ""), malformedKey},
		"empty password":              {basicAuth(text, ""), malformedKey},
		"key as user ID and password": {basicAuth(text, text), wrongUsername},
		"two colons":                  {basicAuth("tenant-a:", text), malformedKey},
		"Bearer in the password":      {basicAuth("tenant-a", "Bearer "+text), malformedKey},
		"quotes":                      {basicAuth("tenant-a", "\""+text+"\""), malformedKey},
		"line break after the key":    {basicAuth("", text+"\n"), malformedKey},
		"too long":                    {basicAuth(strings.Repeat("x", tenant.MaxIDLength+3), text), malformedBasic},
		"1 MiB":                       {basicAuth(strings.Repeat("x", 1<<20), text), malformedBasic},
	} {
		t.Run(name, func(t *testing.T) {
			for _, header := range []string{"Authorization", "authorization"} {
				headers := map[string][]string{header: {tt.value}}
				_, got := c.decide(nil, headers, noon)
				require.Equal(t, tt.want, got, "%s", got)
				ctx, err := c.Authenticate(context.Background(), headers)
				if tt.want == accepted {
					require.NoError(t, err)
					_, ok := tenant.FromContext(ctx)
					assert.True(t, ok)
					continue
				}
				require.Equal(t, codes.Unauthenticated, status.Code(err))
				assert.Equal(t, tt.want.reason().Text(), err.Error())
			}
		})
	}
}

// withTrailingBits changes the unused bits of the last character before the padding.
func withTrailingBits(encoded string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := len(strings.TrimRight(encoded, "=")) - 1
	return encoded[:at] + string(alphabet[strings.IndexByte(alphabet, encoded[at])+1]) + encoded[at+1:]
}

// A wrong user ID has the same answer as an unknown key, over both protocols.
func TestBasic_Spoofing(t *testing.T) {
	text, key := newKey()
	other, otherKey := newKey()
	unknown, _ := newKey()
	g := startGateway(t, tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}},
		&tenant.Tenant{ID: "tenant-b", Keys: []*tenant.Key{otherKey}},
	))
	for name, tt := range map[string]struct {
		headers []string
		want    decision
	}{
		"own":                                {[]string{"authorization", basicAuth("tenant-a", text)}, accepted},
		"own without user ID":                {[]string{"authorization", basicAuth("", text)}, accepted},
		"other tenant":                       {[]string{"authorization", basicAuth("tenant-b", text)}, wrongUsername},
		"unknown tenant":                     {[]string{"authorization", basicAuth("tenant-c", text)}, wrongUsername},
		"unknown key":                        {[]string{"authorization", basicAuth("tenant-a", unknown)}, unknownKey},
		"other tenant in a header":           {[]string{"authorization", basicAuth("tenant-a", text), "x-scope-orgid", "tenant-b"}, tenantHeader},
		"reserved metadata key":              {[]string{"authorization", basicAuth("", text), "x-tenant-id", "tenant-b"}, accepted},
		"second credentials":                 {[]string{"authorization", basicAuth("", text), "Authorization", basicAuth("", other)}, severalKeys},
		"Basic and Bearer":                   {[]string{"authorization", basicAuth("", text), "Authorization", "Bearer " + other}, severalKeys},
		"second credentials in the password": {[]string{"authorization", basicAuth("tenant-a:"+text, other)}, malformedKey},
	} {
		t.Run(name, func(t *testing.T) {
			err := g.sendGRPC(t, tt.headers...)
			code, body := g.sendHTTP(t, tt.headers...)
			if tt.want != accepted {
				assert.Equal(t, codes.Unauthenticated, status.Code(err))
				assert.Equal(t, tt.want.reason().Text(), status.Convert(err).Message())
				assert.Equal(t, http.StatusUnauthorized, code)
				assert.Equal(t, tt.want.reason().Text(), body)
				assert.Empty(t, g.seen)
				return
			}
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, code, body)
			for range 2 {
				info := <-g.seen
				assert.Equal(t, tenant.ID("tenant-a"), info.Auth.(*tenant.Identity).Tenant())
				assert.Equal(t, []string{"tenant-a"}, info.Metadata.Get(tenant.MetadataKey))
			}
		})
	}
	assert.Equal(t, unknownKey.reason().Text(), wrongUsername.reason().Text())
}

// Requests with Basic credentials are counted and throttled as those with Bearer
// credentials are.
func TestBasic_CountsFailures(t *testing.T) {
	text, key := newKey()
	cfg := serverConfig()
	cfg.Metrics.Tenant = true
	cfg.Failures.PerMinute, cfg.Failures.Delay = 2, 0
	c, telemetry := startServerWith(t, cfg, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	for range 4 {
		_, err := c.Authenticate(from(ip("192.0.2.7")), map[string][]string{"Authorization": {basicAuth("tenant-b", text)}})
		require.Error(t, err)
	}
	assert.EqualValues(t, 4, c.tally[wrongUsername].Load())
	assert.EqualValues(t, 2, c.failures.throttled.Load())
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_rejected_requests", []metricdata.DataPoint[int64]{{
		Value:      4,
		Attributes: attribute.NewSet(attribute.String("tenant", "tenant-a"), attribute.String("key", key.ID), attribute.String("reason", "wrong_username")),
	}}, metricdatatest.IgnoreTimestamp())
}

// FuzzBasic compares the parser with net/http. Every accepted value is one that
// net/http decodes to the same user ID and password and encodes to the same bytes.
func FuzzBasic(f *testing.F) {
	text, _ := apikey.New()
	f.Add(basicAuth("tenant-a", text))
	f.Add("basic\t" + strings.TrimPrefix(basicAuth("", text), "Basic ") + " ")
	f.Add(strings.ToUpper("basic") + strings.TrimPrefix(basicAuth("a:b", text), "Basic"))
	f.Add(basicAuth("tenant-a", text) + "\n")
	f.Add("Basic " + base64.RawStdEncoding.EncodeToString([]byte(":"+text)))
	f.Add("Bearer " + text)
	f.Fuzz(func(t *testing.T, header string) {
		got, d := readCredentials(map[string][]string{"Authorization": {header}})
		if d != accepted {
			require.Equal(t, callerCredentials{}, got)
			require.NotEqual(t, undecided, d)
			return
		}
		_, err := apikey.ID(got.key)
		require.NoError(t, err)
		scheme, value, _ := strings.Cut(strings.ReplaceAll(strings.Trim(header, blanks), "\t", " "), " ")
		value = strings.Trim(value, blanks)
		if strings.EqualFold(scheme, "bearer") {
			require.Equal(t, callerCredentials{key: value}, got)
			return
		}
		r := http.Request{Header: http.Header{"Authorization": {"Basic " + value}}}
		username, password, ok := r.BasicAuth()
		require.True(t, ok)
		require.Equal(t, callerCredentials{key: password, username: username}, got)
		require.Equal(t, "Basic "+value, basicAuth(username, password))
	})
}

func BenchmarkReadCredentials(b *testing.B) {
	text, _ := apikey.New()
	for name, value := range map[string]string{"bearer": "Bearer " + text, "basic": basicAuth("tenant-a", text)} {
		b.Run(name, func(b *testing.B) {
			headers := map[string][]string{"Authorization": {value}}
			b.ReportAllocs()
			for b.Loop() {
				if _, d := readCredentials(headers); d != accepted {
					b.Fatal(d)
				}
			}
		})
	}
}
