// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// version is set by "make build" to the version in builder-config.yaml.
var version = "dev"

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

type streams struct {
	in       io.Reader
	out, err io.Writer
}

// app is what all commands share.
type app struct {
	streams
	copyTo   io.Writer // for the registry as it is; safe if it is a terminal
	registry string
	auditKey string
	change   changeFlags
	output   string
	now      func() time.Time
}

// isTerminal reports whether w may be a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err != nil || info.Mode()&os.ModeCharDevice != 0
}

// usageError is an error in how the program was called.
type usageError struct{ error }

// unreadableError is an error in what the program was called with, which its help does not explain.
type unreadableError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	raw := s.out
	s.out, s.err = safetext.Writer(s.out), safetext.Writer(s.err)
	a := &app{streams: s, copyTo: s.out, now: time.Now}
	if !isTerminal(raw) {
		a.copyTo = raw
	}
	root := a.command()
	if err := a.completeArguments(root); err != nil {
		fmt.Fprintf(s.err, "tenantctl: %v\n", err)
		return exitFailure
	}
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	called, err := root.ExecuteContextC(ctx)
	err = nameFlags(err)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(findingsError)):
		return exitFailure
	case errors.As(err, new(usageError)):
		fmt.Fprintf(s.err, "%s\nSee %s --help.\n", prefixed(err), called.CommandPath())
		return exitUsage
	case errors.As(err, new(unreadableError)):
		fmt.Fprintln(s.err, prefixed(err))
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(s.err, "tenantctl: interrupted: %v\n", err)
		return exitFailure
	default:
		fmt.Fprintln(s.err, prefixed(err))
		return exitFailure
	}
}

// prefixed returns the text of an error, which may be joined of several, with the name of the program before
// each line.
func prefixed(err error) string {
	return "tenantctl: " + strings.ReplaceAll(err.Error(), "\n", "\ntenantctl: ")
}

func (a *app) command() *cobra.Command {
	root := group("tenantctl", "Manage the tenants of a gateway and their keys",
		a.tenantCommand(), a.keyCommand(), a.onboardCommand(), a.registryCommand(), a.auditCommand(), a.deadLetterCommand(),
		withoutRegistry(a.statusCommand()), a.grafanaCommand(), withoutRegistry(a.healthCommand()), a.lintCommand())
	for _, c := range a.agentCommands() {
		root.AddCommand(withoutRegistry(c))
	}
	root.Long = `tenantctl manages the tenants of a gateway and their keys in the gateway's
registry. A running gateway applies every change within a second, without a
restart. Each change is recorded in the audit log.

Other commands need no registry: status shows what a running gateway knows about
its tenants, setup and doctor install and examine the agent on its machine, health
checks any collector on this machine, and lint a configuration.

Environment:
  ` + registryEnv + `   default of --registry; keeps a password out of process lists
  ` + auditKeyEnv + `  default of --audit-key
  ` + actorEnv + `      default of --actor
  ` + gatewayConfigEnv + `  default of --gateway-config, several files separated by :
  ` + grafanaURLEnv + `, ` + grafanaCredentialsEnv + `,
  ` + grafanaCAEnv + `, ` + grafanaSourcesEnv + `,
  ` + grafanaInsecureEnv + `   defaults of --grafana-…
  ` + statusSocketEnv + `  default of --socket of status
  PGPASSWORD, PGPASSFILE, PGSSLMODE and others of libpq, for a registry in a database

Files:
  tenants.yaml             a registry; readable only by the gateway and its operators
  tenants.yaml.audit/      its audit log
  tenants.yaml.audit-key   the key that signs the log; for those who change the registry
  .tenants.yaml.lock       the lock that commands hold while they change the registry
  ~/.config/otelcol-tenant/audit.key   the key, for a registry in a database`
	root.Version = version
	root.Example = `  export TENANTCTL_REGISTRY=/etc/otelcol-tenant/tenants.yaml
  tenantctl tenant create tenant-a --name "Tenant A Ltd"
  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key`
	root.SetUsageTemplate(root.UsageTemplate() + "\nExit status: 0 success, 1 failure, 2 wrong usage.\n")
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.checkOutput(cmd) }
	flags := root.PersistentFlags()
	flags.StringVar(&a.registry, "registry", "", "the registry: a `FILE` or a URL postgres://…; default $"+registryEnv)
	flags.StringVar(&a.auditKey, "audit-key", "", "the key `FILE` of the audit log, created with the log; default $"+auditKeyEnv+", or beside a registry file, or in the user's configuration folder")
	flags.StringVarP(&a.output, "output", "o", "table", "output format: table, json or yaml; onboard also env and shell, lint also sarif")
	return root
}

// withoutRegistry hides the flags of the registry in the help of a command that does not use them.
func withoutRegistry(c *cobra.Command) *cobra.Command {
	help := c.HelpFunc()
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		for _, name := range []string{"registry", "audit-key"} {
			if f := c.InheritedFlags().Lookup(name); f != nil {
				f.Hidden = true
				defer func() { f.Hidden = false }()
			}
		}
		help(c, args)
	})
	return c
}

// group returns a command that only has subcommands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := ""
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				hint = fmt.Sprintf(", did you mean %q?", like[0])
			}
			return usagef("%s has no command %q%s", pathOf(cmd), args[0], hint)
		},
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(commands...)
	return c
}

// exactly requires one argument for each name, such as TENANT.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usagef("%s takes %s, got %d arguments", pathOf(cmd), listOf(names), len(args))
	}
}

// pathOf returns the words that call a command, without tenantctl, which errors begin with.
func pathOf(cmd *cobra.Command) string {
	if rest, ok := strings.CutPrefix(cmd.CommandPath(), "tenantctl "); ok {
		return rest
	}
	return cmd.CommandPath()
}

func listOf(names []string) string {
	if len(names) == 0 {
		return "no argument"
	}
	return strings.Join(names, " and ")
}

// moreOutputs is the annotation with the output formats that a command has
// besides table, json and yaml, separated by spaces.
const moreOutputs = "more_outputs"

func (a *app) checkOutput(cmd *cobra.Command) error {
	formats := append([]string{"table", "json", "yaml"}, strings.Fields(cmd.Annotations[moreOutputs])...)
	if !slices.Contains(formats, a.output) {
		last := len(formats) - 1
		return usagef("--output must be %s or %s, not %q", strings.Join(formats[:last], ", "), formats[last], a.output)
	}
	return nil
}
