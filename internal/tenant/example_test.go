// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/client"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func ExampleID_Validate() {
	for _, id := range []tenant.ID{"acme-7", "acme/7", ".."} {
		fmt.Println(id.Validate())
	}
	// Output:
	// <nil>
	// tenant ID has the character '/' at byte 4; allowed are the letters A-Z and a-z, digits and !_.*'()-
	// tenant ID must not be "." or ".."
}

func ExampleNewContext() {
	id := tenant.NewIdentity("acme", "k1", tenant.NewSignals(tenant.Logs, tenant.Traces))
	ctx := tenant.NewContext(context.Background(), id)

	caller, ok := tenant.FromContext(ctx)
	fmt.Println(ok, caller.Tenant(), caller.KeyID(), caller.Scopes().Names())
	fmt.Println(client.FromContext(ctx).Metadata.Get(tenant.MetadataKey))
	// Output:
	// true acme k1 [logs traces]
	// [acme]
}

// What a caller writes into its metadata is no identity.
func ExampleFromContext_forged() {
	ctx := client.NewContext(context.Background(), client.Info{
		Metadata: client.NewMetadata(map[string][]string{tenant.MetadataKey: {"acme"}}),
	})
	_, ok := tenant.FromContext(ctx)
	fmt.Println(ok)
	// Output: false
}

// Before a registry has loaded, a caller is undecided: its data is rejected with a
// retryable error.
func ExampleUndecided() {
	ctx := tenant.NewContext(context.Background(), tenant.Undecided())
	caller, ok := tenant.FromContext(ctx)
	fmt.Printf("%v %v %q\n", ok, caller.Decided(), caller.Tenant())
	// Output: true false ""
}

func ExampleNewSnapshot() {
	key := &tenant.Key{ID: "k1", Digest: tenant.Digest{1}, Scopes: tenant.NewSignals(tenant.Logs)}
	snapshot, err := tenant.NewSnapshot([]*tenant.Tenant{
		{ID: "globex", Status: tenant.StatusSuspended},
		{ID: "acme", Status: tenant.StatusActive, Keys: []*tenant.Key{key}},
	}, "hash of the file")
	if err != nil {
		fmt.Println(err)
		return
	}
	for t := range snapshot.Tenants() {
		fmt.Println(t.ID, t.Status)
	}
	fmt.Println(snapshot.Key(tenant.Digest{1}).Identity().Tenant())
	// Output:
	// acme active
	// globex suspended
	// acme
}

// A snapshot is complete or there is none.
func ExampleNewSnapshot_invalid() {
	_, err := tenant.NewSnapshot([]*tenant.Tenant{{ID: "acme"}, {ID: "acme"}}, "")
	fmt.Println(err)
	// Output: tenant "acme": there are two entries with this ID
}

func ExampleSignalOfMethod() {
	fmt.Println(tenant.SignalOfMethod("/opentelemetry.proto.collector.trace.v1.TraceService/Export"))
	// Output: traces true
}

func ExampleLooksLikeIdentity() {
	for _, attribute := range []string{"business_id", "Business-ID", "x.tenant.id", "customer"} {
		fmt.Println(attribute, tenant.LooksLikeIdentity(attribute))
	}
	// Output:
	// business_id false
	// Business-ID true
	// x.tenant.id true
	// customer false
}
