// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// TestSpoofing_YieldsTheKeysTenantOrARejection sends, over both protocols and
// through real receivers, every header in which a caller could name a tenant.
// Attributes are the tenant processor's: its tests have their table.
func TestSpoofing_YieldsTheKeysTenantOrARejection(t *testing.T) {
	text, key := newKey()
	otherText, otherKey := newKey()
	g := startGateway(t, tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}},
		&tenant.Tenant{ID: "tenant-b", Keys: []*tenant.Key{otherKey}},
	))
	const keysTenant = accepted
	own := []string{"authorization", "Bearer " + text}
	for _, tt := range []struct {
		name    string
		headers []string
		want    decision
	}{
		{"reserved metadata key", []string{"x-tenant-id", "tenant-b"}, keysTenant},
		{"reserved metadata key, twice", []string{"x-tenant-id", "tenant-b", "X-Tenant-Id", "tenant-b"}, keysTenant},
		{"binary metadata", []string{"x-business-id-bin", "tenant-b", "x-scope-orgid-bin", "tenant-b", "x-tenant-id-bin", "tenant-b"}, keysTenant},
		{"other products' headers", []string{"x-tenant", "tenant-b", "tenant-id", "tenant-b", "x-tenantid", "tenant-b", "baggage", "business_id=tenant-b"}, keysTenant},
		{"underscores for hyphens", []string{"x_business_id", "tenant-b"}, keysTenant},
		{"forwarded address", []string{"x-forwarded-for", "10.0.0.1", "forwarded", "for=10.0.0.1"}, keysTenant},
		{"business ID", []string{"x-business-id", "tenant-b"}, tenantHeader},
		{"business ID in capitals", []string{"X-BUSINESS-ID", "tenant-b"}, tenantHeader},
		{"business ID after the own", []string{"x-business-id", "tenant-a", "X-Business-ID", "tenant-b"}, tenantHeader},
		{"business ID before the own", []string{"x-business-id", "tenant-b", "X-Business-ID", "tenant-a"}, tenantHeader},
		{"both in one value", []string{"x-business-id", "tenant-a,tenant-b"}, tenantHeader},
		{"org ID", []string{"X-Scope-OrgID", "tenant-b"}, tenantHeader},
		{"org ID, federated", []string{"X-Scope-OrgID", "tenant-a|tenant-b"}, tenantHeader},
		{"org ID, dskit's metadata form", []string{"X-Scope-OrgID", "tenant-a:x=y"}, tenantHeader},
		{"own in another case", []string{"x-business-id", "TENANT-A"}, tenantHeader},
		{"own with percent-encoding", []string{"x-business-id", "tenant%2da"}, tenantHeader},
		{"path that leads elsewhere", []string{"x-business-id", "../tenant-b"}, tenantHeader},
		{"oversized", []string{"x-business-id", strings.Repeat("a", 4000)}, tenantHeader},
		{"second key", []string{"authorization", "Bearer " + otherText}, severalKeys},
		{"second key in binary metadata", []string{"authorization-bin", "Bearer " + otherText}, keysTenant},
		{"second key for proxies", []string{"proxy-authorization", "Bearer " + otherText}, keysTenant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := slices.Concat(own, tt.headers)
			err := g.sendGRPC(t, headers...)
			code, text := g.sendHTTP(t, headers...)
			if tt.want.unauthenticated() {
				assert.Equal(t, codes.Unauthenticated, status.Code(err))
				assert.Equal(t, tt.want.reason().Text(), status.Convert(err).Message())
				assert.Equal(t, http.StatusUnauthorized, code)
				assert.Equal(t, tt.want.reason().Text(), text)
				assert.Empty(t, g.seen)
				return
			}
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, code, text)
			for range 2 {
				info := <-g.seen
				assert.Equal(t, tenant.ID("tenant-a"), info.Auth.(*tenant.Identity).Tenant())
				assert.Equal(t, []string{tenant.MetadataKey}, slices.Collect(info.Metadata.Keys()))
				assert.Equal(t, []string{"tenant-a"}, info.Metadata.Get(tenant.MetadataKey))
			}
		})
	}
}

// FuzzAuthenticate checks that an accepted caller has exactly one key, that it is
// valid, and that every tenant header names its tenant.
func FuzzAuthenticate(f *testing.F) {
	text, key := newKey()
	good := "Bearer " + text
	f.Add("Authorization", good, "x-business-id", "tenant-a", "X-Scope-OrgID", "")
	f.Add("authorization", good, "X-Business-Id", "tenant-b", "x-scope-orgid", "tenant-a")
	f.Add("authorization", good, "AUTHORIZATION", good, "x", "y")
	f.Add("Authorization", "bearer  "+text, "authorizatioN", "", "x-businesſ-id", "tenant-b")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2, name3, value3 string) {
		c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
		headers := map[string][]string{}
		for _, pair := range [][2]string{{name1, value1}, {name2, value2}, {name3, value3}} {
			headers[pair[0]] = append(headers[pair[0]], pair[1])
		}
		ctx, err := c.Authenticate(context.Background(), headers)
		caller, identified := tenant.FromContext(ctx)
		require.Equal(t, err == nil, identified)
		if err != nil {
			require.Equal(t, codes.Unauthenticated, status.Code(err))
			return
		}
		require.Equal(t, tenant.ID("tenant-a"), caller.Tenant())
		keys := 0
		for name, values := range headers {
			switch strings.ToLower(name) {
			case "authorization":
				keys += len(values)
				require.Contains(t, values[0], text)
			case "x-business-id", "x-scope-orgid":
				for _, v := range values {
					require.Contains(t, []string{"", "tenant-a"}, v)
				}
			}
		}
		require.Equal(t, 1, keys)
	})
}
