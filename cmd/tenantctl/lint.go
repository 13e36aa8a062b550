// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lint"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// outputSARIF is the output format for services that show findings beside the code.
const outputSARIF = "sarif"

// lintFlags are the flags of lint, as text where they have another type.
type lintFlags struct {
	envFiles, disable []string
	role, failOn      string
	gateways          int
	list              bool
}

func (a *app) lintCommand() *cobra.Command {
	var flags lintFlags
	c := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Find insecure and wrong settings in a collector's configuration",
		Long: `Find insecure and wrong settings in the configuration of an agent or a gateway that
"otelcol-tenant validate" accepts. Several files are merged in order, as those of
several --config flags. Nothing is started or contacted, except the database of a
registry. Variables that are not set make a setting unknown, and unknown settings
have no findings.

With --registry, which here has no default, the tenants are checked against the
configuration too: routes to destinations that do not exist, missing variables,
addresses without TLS, keys without expiry.

The comment "# lint:ignore ID REASON" on the line of a setting, or above it,
suppresses a finding. docs/lint.md describes all rules.

The exit status is 1 if there is a finding from the severity --fail-on on, and 2 if
a file cannot be read.`,
		Example: `  tenantctl lint /etc/otelcol-tenant/gateway.yaml --env-file /etc/otelcol-tenant/gateway.env
  tenantctl lint gateway.yaml --registry tenants.yaml --gateways 3
  tenantctl lint gateway.yaml --fail-on error -o sarif > lint.sarif
  tenantctl lint --list`,
		Annotations: map[string]string{moreOutputs: outputSARIF},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !flags.list {
				return usagef("%s takes the configuration of a collector, got no FILE", pathOf(cmd))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.list {
				return a.listRules()
			}
			return a.lint(cmd, args, &flags)
		},
	}
	set := c.Flags()
	set.StringArrayVar(&flags.envFiles, "env-file", nil, "environment `FILE` of the collector, as systemd reads it; can be repeated")
	set.StringVar(&flags.role, "role", string(lint.RoleAuto), "what the configuration is for: agent, gateway or auto, which determines it")
	set.IntVar(&flags.gateways, "gateways", 0, "the `NUMBER` of gateways that share the tenants; 0: unknown")
	set.StringVar(&flags.failOn, "fail-on", finding.Warning.String(), "the severity from which the exit status is 1: error, warning or note")
	set.StringSliceVar(&flags.disable, "disable", nil, "rules that are not checked, as `ID,...`")
	set.BoolVar(&flags.list, "list", false, "print all rules, and check nothing")
	return c
}

func (a *app) lint(cmd *cobra.Command, files []string, flags *lintFlags) error {
	set := lint.Settings{Files: files, EnvFiles: flags.envFiles, Gateways: flags.gateways, Disable: flags.disable, Now: a.now()}
	var failOn finding.Severity
	if err := set.Role.UnmarshalText([]byte(flags.role)); err != nil {
		return usagef("--role: %w", err)
	}
	if err := failOn.UnmarshalText([]byte(flags.failOn)); err != nil || failOn == finding.OK {
		return usagef("--fail-on must be error, warning or note, got %q", flags.failOn)
	}
	if flags.gateways < 0 {
		return usagef("--gateways must not be negative, got %d", flags.gateways)
	}
	if a.registry != "" {
		r, err := operate.Open(operate.Settings{Location: a.registry})
		if err != nil {
			return err
		}
		data, err := r.Data(cmd.Context())
		if err != nil {
			return unreadableError{err}
		}
		set.Registry = &lint.Registry{Name: fmt.Sprint(r), Data: data, File: !strings.Contains(a.registry, "://")}
	}
	result, err := lint.Run(set)
	switch {
	case errors.As(err, new(lint.UnknownRuleError)):
		return usagef("--disable: %w", err)
	case err != nil:
		return unreadableError{err}
	}
	if a.output == outputSARIF {
		err = lint.WriteSARIF(a.out, result, version)
	} else {
		err = a.print(result, func(w io.Writer) error { return writeLint(w, result) })
	}
	if err != nil {
		return err
	}
	if n := result.Count(failOn); n > 0 {
		return fmt.Errorf("%d findings of severity %v or worse", n, failOn)
	}
	return nil
}

func writeLint(w io.Writer, r *lint.Result) error {
	suppressed := 0
	for _, f := range r.Findings {
		if f.Suppressed != "" {
			suppressed++
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\n    fix: %s\n", printable(f.String()), f.Fix); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "checked as %s: %v, %s, %d suppressed\n", r.Role,
		findingsError{errors: r.Count(finding.Error), warnings: r.Count(finding.Warning) - r.Count(finding.Error)},
		gatewaystatus.Counted(r.Count(finding.Note)-r.Count(finding.Warning), "note", "notes"), suppressed)
	return err
}

// ruleView is a rule as scripts see it.
type ruleView struct {
	ID       string           `json:"id"`
	Family   lint.Family      `json:"family"`
	Severity finding.Severity `json:"severity"`
	Title    string           `json:"title"`
	Why      string           `json:"why"`
	Fix      string           `json:"fix"`
	Refused  bool             `json:"refused"`
	Docs     string           `json:"docs"`
}

func (a *app) listRules() error {
	if a.output == outputSARIF {
		return usagef("--list has no output format sarif")
	}
	var views []ruleView
	var lines [][]string
	for _, r := range lint.Rules() {
		views = append(views, ruleView{r.ID, r.Family, r.Severity, r.Title, r.Why, r.Fix, r.Refused, r.Docs()})
		lines = append(lines, []string{r.ID, r.Severity.String(), r.Title})
	}
	return a.print(views, func(w io.Writer) error { return rows(w, []string{"ID", "SEVERITY", "RULE"}, lines) })
}

func ruleIDs() (ids []string) {
	for _, r := range lint.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}
