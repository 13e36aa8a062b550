package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// tenantFlags are the flags that say what a tenant is to be like.
type tenantFlags struct {
	name, isolation                      string
	attributes, vars, routes, limits     []string
	unsetAttribute, unsetVar, unsetRoute []string
	gatewayConfig                        []string
}

func (f *tenantFlags) register(c *cobra.Command, update bool) {
	flags := c.Flags()
	flags.StringVar(&f.name, "name", "", "the `NAME` people know the tenant by")
	flags.StringVar(&f.isolation, "isolation", "", "shared (default) or dedicated destinations")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "resource attribute `NAME=VALUE` for all its data; repeat for more")
	flags.StringArrayVar(&f.vars, "var", nil, "variable `NAME=VALUE` of destination templates, may be ${file:PATH} or ${env:NAME}; repeat for more")
	flags.StringArrayVar(&f.routes, "route", nil, "destinations of a signal, `SIGNAL=NAME,NAME`; repeat for more")
	flags.StringArrayVar(&f.limits, "limit", nil, "`LIMIT=VALUE`: {logs|metrics|traces}.records_per_second or .bytes_per_second; [SIGNAL.]{daily|monthly}_{records|bytes}; burst; repeat for more")
	registerGatewayConfig(flags, &f.gatewayConfig)
	if update {
		flags.StringSliceVar(&f.unsetAttribute, "unset-attribute", nil, "attribute `NAME` to remove")
		flags.StringSliceVar(&f.unsetVar, "unset-var", nil, "variable `NAME` to remove")
		flags.StringSliceVar(&f.unsetRoute, "unset-route", nil, "`SIGNAL` to give back to the gateway's own routes")
	}
}

// any tells whether a flag of the command itself was given.
func (f *tenantFlags) any(c *cobra.Command) bool {
	given := false
	about := append(changeFlagNames(), "gateway-config")
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { given = given || f.Changed && !slices.Contains(about, f.Name) })
	return given
}

// apply changes t as the flags say. The registry checks names and values.
func (f *tenantFlags) apply(c *cobra.Command, t *tenant.Tenant) error {
	if c.Flags().Changed("name") {
		t.Name = f.name
	}
	switch iso := tenant.Isolation(f.isolation); iso {
	case "":
	case tenant.IsolationShared, tenant.IsolationDedicated:
		t.Isolation = iso
	default:
		return usagef("--isolation must be shared or dedicated, not %q", f.isolation)
	}
	for _, name := range f.unsetAttribute {
		if err := unset(t.Attributes, name, "attribute"); err != nil {
			return err
		}
	}
	for _, name := range f.unsetVar {
		if err := unset(t.Vars, name, "var"); err != nil {
			return err
		}
	}
	for _, name := range f.unsetRoute {
		s, err := tenant.ParseSignal(name)
		if err != nil {
			return usagef("--unset-route: %w", err)
		}
		delete(t.Routes, s)
	}
	if err := setAll(t.Attributes, f.attributes, "attribute"); err != nil {
		return err
	}
	for _, text := range f.attributes {
		if name, _, _ := strings.Cut(text, "="); tenant.LooksLikeIdentity(name) {
			return lookalikeError(name)
		}
	}
	if err := setAll(t.Vars, f.vars, "var"); err != nil {
		return err
	}
	for _, text := range f.vars {
		name, value, _ := strings.Cut(text, "=")
		if err := checkVariable(name, value); err != nil {
			return fmt.Errorf("--var %s: %w", name, err)
		}
		note, err := checkReference(name, value)
		if err != nil {
			return err
		}
		if note != "" {
			c.PrintErrf("Note: %s\n", note)
		}
		if audit.SecretInClear(name, value) {
			c.PrintErrf("Note: var %s seems to be a secret in clear; write ${file:PATH} instead.\n", name)
		}
	}
	for _, text := range f.routes {
		if err := setRoute(t, text); err != nil {
			return err
		}
	}
	if err := f.checkRoutes(t); err != nil {
		return err
	}
	for _, text := range f.limits {
		if err := setLimit(&t.Limits, text); err != nil {
			return err
		}
	}
	return nil
}

// checkVariable returns why no destination can use the value. What a reference holds is
// for the gateway to check.
func checkVariable(name, value string) error {
	if reference.Has(value) {
		return nil
	}
	return tenant.CheckVariable(name, value)
}

func unset(m map[string]string, name, what string) error {
	if _, ok := m[name]; !ok {
		return fmt.Errorf("there is no %s %q to remove", what, name)
	}
	delete(m, name)
	return nil
}

func setAll(m map[string]string, texts []string, flag string) error {
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		switch {
		case !ok:
			return usagef("--%s must be NAME=VALUE, not %q", flag, name)
		case name == "":
			return usagef("--%s must be NAME=VALUE: there is no name before the =", flag)
		case value == "":
			return usagef("--%s %s: the value is empty; to remove it use tenant update with --unset-%s %s", flag, name, flag, name)
		}
		m[name] = value
	}
	return nil
}

func setRoute(t *tenant.Tenant, text string) error {
	name, list, ok := strings.Cut(text, "=")
	if !ok {
		return usagef("--route must be SIGNAL=NAME,NAME, not %q", text)
	}
	s, err := tenant.ParseSignal(name)
	if err != nil {
		return usagef("--route %s: %w", text, err)
	}
	t.Routes[s] = []string{}
	if list != "" {
		t.Routes[s] = strings.Split(list, ",")
	}
	return nil
}

func setLimit(l *tenant.Limits, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return usagef("--limit must be LIMIT=VALUE, not %q", text)
	}
	signal, rate, perSignal := strings.Cut(name, ".")
	var s tenant.Signal
	if perSignal {
		var err error
		if s, err = tenant.ParseSignal(signal); err != nil {
			return usagef("--limit %s: %w", text, err)
		}
	}
	known := true
	var err error
	switch {
	case perSignal && rate == "records_per_second":
		l.Rates[s].RecordsPerSecond, err = parseCount(value)
	case perSignal && rate == "bytes_per_second":
		err = setSize(&l.Rates[s].BytesPerSecond, value)
	case perSignal:
		known, err = setQuota(&l.Quotas[s], rate, value)
	case name == "burst":
		l.Burst, err = time.ParseDuration(value)
	default:
		total := l.Total()
		known, err = setQuota(&total, name, value)
		l.SetTotal(total)
	}
	if !known {
		return usagef("--limit %s: there is no limit %q", text, name)
	}
	if err != nil {
		return usagef("--limit %s: %w", text, err)
	}
	return nil
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number of records such as 5000", text)
	}
	return n, nil
}

// setQuota tells also whether there is a quota of the name.
func setQuota(q *tenant.Quota, name, value string) (known bool, err error) {
	switch name {
	case "daily_records":
		q.DailyRecords, err = parseCount(value)
	case "daily_bytes":
		err = setSize(&q.DailyBytes, value)
	case "monthly_records":
		q.MonthlyRecords, err = parseCount(value)
	case "monthly_bytes":
		err = setSize(&q.MonthlyBytes, value)
	default:
		return false, nil
	}
	return true, err
}

func setSize(to *int64, text string) error {
	var size bytesize.Size
	err := size.UnmarshalText([]byte(text))
	*to = int64(size)
	return err
}
