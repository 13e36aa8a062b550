// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// completeTimeout is how long a shell waits for a database to complete a word.
const completeTimeout = 2 * time.Second

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeArguments makes the shell complete the IDs of tenants and keys, and the
// values of flags.
func (a *app) completeArguments(root *cobra.Command) error {
	tenants, keys := a.completeIDs(tenantIDs), a.completeIDs(keyIDs)
	for path, f := range map[string]completion{
		"tenant show": tenants, "tenant update": tenants, "tenant suspend": tenants, "tenant resume": tenants, "tenant delete": tenants,
		"key create": tenants, "key list": tenants, "key rotate": keys, "key revoke": keys, "onboard": tenants,
		"status":            tenants,
		"grafana provision": tenants, "grafana deprovision": tenants,
	} {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil {
			return err
		}
		c.ValidArgsFunction = f
	}
	signals := words("logs", "metrics", "traces")
	for path, flags := range map[string]map[string]completion{
		"":              {"output": words("table", "json", "yaml")},
		"tenant create": {"isolation": words("shared", "dedicated")},
		"tenant update": {"isolation": words("shared", "dedicated"), "unset-route": signals},
		"key create":    {"scopes": signals},
		"onboard":       {"scopes": signals, "snippet": words(operate.SnippetNames()...), "directory": folders},
		"audit list":    {"tenant": tenants, "log": folders},
		"audit verify":  {"log": folders},
	} {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil {
			return err
		}
		for name, f := range flags {
			if err := c.RegisterFlagCompletionFunc(name, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func words(all ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// folders lets the shell complete folders.
func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeIDs completes the first argument with the IDs that list returns for the
// tenants of the registry. It completes nothing if the registry cannot be read: a
// shell has no place for an error.
func (a *app) completeIDs(list func(*tenant.Tenant) []string) completion {
	return func(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completeTimeout)
		defer cancel()
		r, err := a.open()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		doc, err := r.Read(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []string
		for _, t := range doc.Tenants() {
			if t.Status != tenant.StatusDeleted {
				ids = append(ids, list(t)...)
			}
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, begin) })
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}

func tenantIDs(t *tenant.Tenant) []string {
	id := string(t.ID)
	if t.Name != "" {
		id += "\t" + t.Name
	}
	return []string{id}
}

// keyIDs lists the keys that can still be revoked.
func keyIDs(t *tenant.Tenant) []string {
	var ids []string
	for _, k := range t.Keys {
		if k.RevokedAt.IsZero() {
			ids = append(ids, k.ID+"\t"+strings.TrimSpace(string(t.ID)+" "+k.Description))
		}
	}
	return ids
}
