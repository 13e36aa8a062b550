package bearerkeyauthextension

import (
	"fmt"
	"net"
	"testing"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func httpHeaders(authorization string) map[string][]string {
	return map[string][]string{
		"Accept-Encoding": {"gzip"}, "Authorization": {authorization}, "Content-Encoding": {"gzip"},
		"Content-Length": {"1024"}, "Content-Type": {"application/x-protobuf"}, "User-Agent": {"otelcol"},
		"X-Business-Id": {"tenant-0"},
	}
}

// manyTenants returns a registry with n keys, of which text is one of tenant-0.
func manyTenants(b *testing.B, n int) (registry *tenanttest.Registry, text string) {
	b.Helper()
	text, key := newKey()
	tenants := []*tenant.Tenant{{ID: "tenant-0", Keys: []*tenant.Key{key}}}
	for i := 1; i < n; i++ {
		k := &tenant.Key{ID: fmt.Sprintf("k%d", i), Digest: tenant.Digest{byte(i), byte(i >> 8), byte(i >> 16), 1}}
		tenants = append(tenants, &tenant.Tenant{ID: tenant.ID(fmt.Sprintf("tenant-%d", i)), Keys: []*tenant.Key{k}})
	}
	return tenanttest.NewRegistry(b, tenants...), text
}

func BenchmarkAuthenticate(b *testing.B) {
	ctx := from(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	for _, n := range []int{10, 100_000} {
		registry, text := manyTenants(b, n)
		c, _ := startChecker(b, registry)
		b.Run(fmt.Sprintf("hit/keys=%d", n), func(b *testing.B) {
			headers := httpHeaders("Bearer " + text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Authenticate(ctx, headers); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("unknown/keys=%d", n), func(b *testing.B) {
			stranger, _ := newKey()
			headers := httpHeaders("Bearer " + stranger)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Authenticate(ctx, headers); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
