// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func Example() {
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	r, err := operate.Open(operate.Settings{Location: filepath.Join(dir, "tenants.yaml"), Now: func() time.Time { return now }})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, by := context.Background(), operate.Request{Actor: "alice", Reason: "ticket 4711"}

	if _, err = r.CreateTenant(ctx, by, "tenant-a", operate.TenantChange{}); err != nil {
		fmt.Println(err)
		return
	}
	created, err := r.CreateKey(ctx, by, "tenant-a", operate.KeySettings{Scopes: []tenant.Signal{tenant.Logs}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(created.Key.State(now))
	if _, _, err = r.RevokeKey(ctx, by, created.Key.ID); err != nil {
		fmt.Println(err)
		return
	}

	entries, err := r.AuditEntries(ctx, "tenant-a")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entries {
		fmt.Println(e.Actor, e.Action, e.Reason)
	}
	// Output:
	// active
	// alice tenant create ticket 4711
	// alice key create ticket 4711
	// alice key revoke ticket 4711
}

func ExampleDryRunError() {
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	r, err := operate.Open(operate.Settings{Location: filepath.Join(dir, "tenants.yaml")})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = r.CreateTenant(context.Background(), operate.Request{DryRun: true}, "tenant-a", operate.TenantChange{})
	var dry *operate.DryRunError
	if errors.As(err, &dry) {
		fmt.Println(dry.Changes[0].Tenant, dry.Changes[0].After["status"])
	}
	// Output:
	// tenant-a active
}

func ExampleInputError() {
	_, err := operate.DeadLetters{Directory: "dead-letters", Signal: "profiles"}.Find()
	var input *operate.InputError
	if errors.As(err, &input) {
		fmt.Println(input.Field, input.Malformed)
		fmt.Println(input.Describe("--signal"))
	}
	// Output:
	// signal true
	// --signal: unknown signal "profiles", want one of logs, metrics, traces
}
