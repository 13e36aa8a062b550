// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// The environment variables with the defaults of flags.
const (
	registryEnv = "TENANTCTL_REGISTRY"
	auditKeyEnv = "TENANTCTL_AUDIT_KEY"
	actorEnv    = "TENANTCTL_ACTOR"
)

// changeFlags are the flags of every command that changes the registry.
type changeFlags struct {
	actor, reason string
	dryRun        bool
}

// changeFlagNames lists the flags that changing adds.
func changeFlagNames() []string { return []string{"reason", "actor", "dry-run"} }

// changing makes c a command that changes the registry: it adds the flags for
// that and prints the result of a dry run.
func (a *app) changing(c *cobra.Command) *cobra.Command {
	flags := c.Flags()
	flags.StringVar(&a.change.reason, "reason", "", "why, for the audit log: a `TEXT` such as a ticket")
	flags.StringVar(&a.change.actor, "actor", "", "who, for the audit log, if not the user of the operating system: a `NAME`; default $"+actorEnv)
	flags.BoolVar(&a.change.dryRun, "dry-run", false, "print what would change, and change nothing")
	action := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		err := action(cmd, args)
		var dry *operate.DryRunError
		if !errors.As(err, &dry) {
			return err
		}
		if err := a.print(dry.Changes, func(w io.Writer) error { return writeChanges(w, dry.Changes) }); err != nil {
			return err
		}
		fmt.Fprintln(a.err, "Dry run: nothing was changed.")
		return nil
	}
	return c
}

// request returns what the flags of changing say. action is empty for an action
// with the name of the command.
func (a *app) request(action string) operate.Request {
	req := operate.Request{
		Actor: a.change.actor, Reason: a.change.reason, Action: action, DryRun: a.change.dryRun,
		Note: func(text string) { fmt.Fprintf(a.err, "Note: %s\n", text) },
	}
	if req.Actor == "" {
		req.Actor = os.Getenv(actorEnv)
	}
	return req
}

// open returns the registry that the flags and the environment name.
func (a *app) open() (*operate.Registry, error) {
	set := operate.Settings{Location: a.registry, AuditKey: a.auditKey, Now: a.now}
	if set.Location == "" {
		set.Location = os.Getenv(registryEnv)
	}
	if set.Location == "" {
		return nil, usagef("no registry is given: use --registry FILE or --registry postgres://…, or set %s: %s", registryEnv, registryHint(packageRegistry))
	}
	if set.AuditKey == "" {
		set.AuditKey = os.Getenv(auditKeyEnv)
	}
	return operate.Open(set)
}

// flagNames are the flags for fields of actions whose names differ.
var flagNames = map[string]string{
	"attributes": "attribute", "vars": "var", "routes": "route", "limits": "limit",
	"key": "key-file", "headers": "header",
	"expires_at": "expires", "origins": "origin", "environment": "deploy-env", "pm2_home": "pm2-home", "remote_write_url": "remote-write-url", "loki_url": "loki-url",
}

// nameFlags makes an error of an action one of the command line: it names flags
// instead of fields.
func nameFlags(err error) error {
	var input *operate.InputError
	var replaced *operate.ReplacedError
	switch {
	case errors.As(err, &input):
		flag, ok := flagNames[input.Field]
		if !ok {
			flag = input.Field
		}
		err = errors.New(input.Describe("--" + flag))
		if input.Malformed {
			return usageError{err}
		}
	case errors.As(err, &replaced):
		return fmt.Errorf("%w, or give --expires TIME or --expires never", err)
	case errors.As(err, new(*operate.NoGatewayError)):
		return fmt.Errorf("%w; to send dead letters without a gateway, give --destination NAME and --endpoint URL", err)
	case errors.Is(err, operate.ErrAllDestinations):
		return usagef("%w: give --key-file with --all-destinations if that is intended, or neither --endpoint nor --key-file to send dead letters only to the destination that rejected them", err)
	case errors.Is(err, operate.ErrNotEmpty):
		return fmt.Errorf("%w; give --replace to replace them with the imported ones", err)
	case errors.Is(err, operate.ErrNoMigration):
		return usageError{err}
	case errors.Is(err, operate.ErrNoConfigFolder):
		return fmt.Errorf("%w; give --audit-key FILE or set %s", err, auditKeyEnv)
	}
	return err
}

// confirm asks for a text.
func (a *app) confirm(question, want string) error {
	fmt.Fprint(a.err, question)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(a.err)
		return usagef("there is no answer on standard input: give --yes")
	}
	if strings.TrimSpace(line) != want {
		return fmt.Errorf("the answer is not %q, nothing was changed", want)
	}
	return nil
}

// readInput reads a file, or standard input if name is "-".
func (a *app) readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(name)
}
