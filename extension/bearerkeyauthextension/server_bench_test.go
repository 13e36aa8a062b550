// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"crypto/rand"
	"fmt"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

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

// manyKeys returns a registry with n keys in a thousand tenants, and the
// Authorization headers of some of them, all of different tenants.
func manyKeys(b *testing.B, n int) (registry *tenanttest.Registry, bearers []string) {
	b.Helper()
	tenants := make([]*tenant.Tenant, min(n, 1000))
	for i := range tenants {
		text, key := newKey()
		tenants[i] = &tenant.Tenant{ID: tenant.ID(fmt.Sprintf("tenant-%d", i)), Keys: []*tenant.Key{key}}
		bearers = append(bearers, "Bearer "+text)
	}
	for i := len(tenants); i < n; i++ {
		k := &tenant.Key{ID: fmt.Sprintf("k%d", i), Scopes: tenant.NewSignals(tenant.Logs)}
		_, _ = rand.Read(k.Digest[:])
		owner := tenants[i%len(tenants)]
		owner.Keys = append(owner.Keys, k)
	}
	return tenanttest.NewRegistry(b, tenants...), bearers
}

// BenchmarkAuthenticate has one busy key, a thousand keys in turn, which the
// processor's caches hold less well, and an unknown key.
func BenchmarkAuthenticate(b *testing.B) {
	ctx := from(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	for _, n := range []int{10, 1_000_000} {
		registry, bearers := manyKeys(b, n)
		c, _ := startServer(b, registry)
		runtime.GC() // of what made the keys, or it runs during the measurement
		accept := func(name string, bearers []string) {
			b.Run(fmt.Sprintf("%s/keys=%d", name, n), func(b *testing.B) {
				headers := httpHeaders("")
				delete(headers, "X-Business-Id")
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					headers["Authorization"][0] = bearers[i%len(bearers)]
					if _, err := c.Authenticate(ctx, headers); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		accept("one", bearers[:1])
		accept("many", bearers)
		b.Run(fmt.Sprintf("unknown/keys=%d", n), func(b *testing.B) {
			unknown, _ := newKey()
			headers := httpHeaders("Bearer " + unknown)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Authenticate(ctx, headers); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func TestAuthenticate_AllocatesNothingBesideTheContext(t *testing.T) {
	text, key := newKey()
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-0", Keys: []*tenant.Key{key}}))
	ctx, headers := from(localPeer), httpHeaders("Bearer "+text)
	got := testing.AllocsPerRun(100, func() {
		if _, err := c.Authenticate(ctx, headers); err != nil {
			t.Error(err)
		}
	})
	// A context and its client.Info; the identity and its metadata are made when
	// the registry is loaded.
	assert.Equal(t, testing.AllocsPerRun(100, func() { _ = tenant.NewContext(ctx, key.Identity()) }), got)
}
