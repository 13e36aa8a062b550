// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// tenantFlags are the flags that describe a tenant.
type tenantFlags struct {
	name, isolation                      string
	attributes, vars, routes, limits     []string
	unsetAttribute, unsetVar, unsetRoute []string
	gatewayConfig                        []string
}

func (f *tenantFlags) register(c *cobra.Command, update bool) {
	flags := c.Flags()
	flags.StringVar(&f.name, "name", "", "the tenant's `NAME` for people")
	flags.StringVar(&f.isolation, "isolation", "", "shared (default) or dedicated destinations")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "resource attribute `NAME=VALUE` for all data of the tenant; can be repeated")
	flags.StringArrayVar(&f.vars, "var", nil, "variable `NAME=VALUE` of destination templates; the value may be ${file:PATH} or ${env:NAME}; can be repeated")
	flags.StringArrayVar(&f.routes, "route", nil, "destinations of a signal, `SIGNAL=NAME,NAME`; can be repeated")
	flags.StringArrayVar(&f.limits, "limit", nil, "`LIMIT=VALUE`: {logs|metrics|traces}.records_per_second or .bytes_per_second; [SIGNAL.]{daily|monthly}_{records|bytes}; burst; can be repeated")
	registerGatewayConfig(flags, &f.gatewayConfig)
	if update {
		flags.StringSliceVar(&f.unsetAttribute, "unset-attribute", nil, "attribute `NAME` to remove")
		flags.StringSliceVar(&f.unsetVar, "unset-var", nil, "variable `NAME` to remove")
		flags.StringSliceVar(&f.unsetRoute, "unset-route", nil, "`SIGNAL` that follows the gateway's default routes again")
	}
}

// any reports whether a flag that changes the tenant was given.
func (f *tenantFlags) any(c *cobra.Command) bool {
	given := false
	others := append(changeFlagNames(), "gateway-config")
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { given = given || f.Changed && !slices.Contains(others, f.Name) })
	return given
}

// change returns the change that the flags describe.
func (f *tenantFlags) change(c *cobra.Command) (change operate.TenantChange, err error) {
	change.Isolation = tenant.Isolation(f.isolation)
	change.UnsetAttributes, change.UnsetVars = f.unsetAttribute, f.unsetVar
	if c.Flags().Changed("name") {
		change.Name = &f.name
	}
	for _, name := range f.unsetRoute {
		s, err := tenant.ParseSignal(name)
		if err != nil {
			return change, usagef("--unset-route: %w", err)
		}
		change.UnsetRoutes = append(change.UnsetRoutes, s)
	}
	if change.Attributes, err = parseAssignments("attribute", f.attributes); err != nil {
		return change, err
	}
	if change.Vars, err = parseAssignments("var", f.vars); err != nil {
		return change, err
	}
	for _, text := range f.routes {
		route, err := parseRoute(text)
		if err != nil {
			return change, err
		}
		change.Routes = append(change.Routes, route)
	}
	for _, text := range f.limits {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return change, usagef("--limit must be LIMIT=VALUE, not %q", text)
		}
		change.Limits = append(change.Limits, operate.Assignment{Name: name, Value: value})
	}
	if len(change.Routes) > 0 {
		change.Destinations, err = readGatewayConfig(f.gatewayConfig)
	}
	return change, err
}

// parseAssignments parses the values of --attribute or --var.
func parseAssignments(flag string, texts []string) (out []operate.Assignment, err error) {
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		switch {
		case !ok:
			return nil, usagef("--%s must be NAME=VALUE, not %q", flag, name)
		case name == "":
			return nil, usagef("--%s must be NAME=VALUE: there is no name before the =", flag)
		case value == "":
			return nil, usagef("--%s %s: the value is empty; to remove it use tenant update with --unset-%s %s", flag, name, flag, name)
		}
		out = append(out, operate.Assignment{Name: name, Value: value})
	}
	return out, nil
}

func parseRoute(text string) (operate.Route, error) {
	name, list, ok := strings.Cut(text, "=")
	if !ok {
		return operate.Route{}, usagef("--route must be SIGNAL=NAME,NAME, not %q", text)
	}
	s, err := tenant.ParseSignal(name)
	if err != nil {
		return operate.Route{}, usagef("--route %s: %w", text, err)
	}
	route := operate.Route{Signal: s}
	if list != "" {
		route.Destinations = strings.Split(list, ",")
	}
	return route, nil
}
