// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentsetup"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
)

// setupFlags are the flags of setup.
type setupFlags struct {
	env, keyFile            string
	endpoint                string
	homes                   []string
	wait                    time.Duration
	dryRun, remove, deliver bool
	withoutPM2              bool
}

func (a *app) setupCommand() *cobra.Command {
	var f setupFlags
	c := &cobra.Command{
		Use:   "setup",
		Short: "Set up the agent on this machine, and wait until its data arrives",
		Long: `Set up the installed agent: check the key and the gateway, write them to
/etc/otelcol-tenant, find the homes of PM2 of all users, grant the agent's user read
access to their logs, start the service, and wait until the gateway has accepted the
first record. It prints each change of permissions as the command that makes it.

--env is the output of "tenantctl onboard TENANT --new-key ... -o env".
The key goes to agent.key, which only root may read, and the rest to agent.env.
Variables of agent.env that FILE does not have stay. "-" is the standard input.

A further call finds new homes and log files of PM2, and changes what is not as it
should be. --key-file installs another key, which the running agent uses within a
second, without a restart.

On a machine without PM2, --without-pm2 makes the agent only receive OTLP and collect
metrics of the machine.

Access is granted with POSIX ACLs to the agent's user alone, for log files that exist
and that PM2 creates later, and through the private group of PM2's user on file
systems without ACLs. Links in the folders of users are not followed.
--remove-access removes what was granted.`,
		Example: `  sudo tenantctl setup --env agent.env
  sudo tenantctl setup --env agent.env --dry-run
  sudo tenantctl setup --env agent.env --without-pm2
  sudo tenantctl setup --key-file new.key
  sudo tenantctl setup --remove-access`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var pm2 *bool
			if cmd.Flags().Changed("without-pm2") {
				with := !f.withoutPM2
				pm2 = &with
			}
			return a.setup(cmd.Context(), &f, pm2)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.env, "env", "", "environment `FILE` with tenant, key and gateway; - is the standard input")
	flags.StringVar(&f.keyFile, "key-file", "", "`FILE` with the key alone, instead of that in --env; - is the standard input")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the gateway, instead of that in --env")
	flags.StringArrayVar(&f.homes, "pm2-home", nil, "a home `FOLDER` of PM2 that is not found by itself; can be repeated")
	flags.BoolVar(&f.withoutPM2, "without-pm2", false, "this machine has no PM2: only receive OTLP and collect metrics of the machine; --without-pm2=false reads PM2's logs again")
	flags.DurationVar(&f.wait, "wait", 90*time.Second, "how long to wait for the first record; 0 does not wait")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be done, and change nothing")
	flags.BoolVar(&f.remove, "remove-access", false, "remove the access to log files that earlier calls granted")
	flags.BoolVar(&f.deliver, "deliver-key", false, "copy the key to the running agent; for the unit")
	c.MarkFlagsMutuallyExclusive("without-pm2", "remove-access")
	c.MarkFlagsMutuallyExclusive("remove-access", "env")
	c.MarkFlagsMutuallyExclusive("remove-access", "key-file")
	c.MarkFlagsMutuallyExclusive("remove-access", "deliver-key")
	return c
}

func (a *app) setup(ctx context.Context, f *setupFlags, pm2 *bool) error {
	if f.deliver {
		text, err := agentsetup.DeliverKey(agentsetup.Delivery{Credentials: os.Getenv("CREDENTIALS_DIRECTORY"), Runtime: os.Getenv("RUNTIME_DIRECTORY")})
		if err == nil {
			fmt.Fprintln(a.err, text)
		}
		return err
	}
	set := agentsetup.Settings{Endpoint: f.endpoint, Homes: f.homes, PM2: pm2, DryRun: f.dryRun, Wait: f.wait, Version: version, Out: a.out}
	if a.output != "table" {
		set.Out = a.err
	}
	if f.withoutPM2 && len(f.homes) > 0 {
		return usagef("--without-pm2 and --pm2-home exclude each other")
	}
	if f.wait < 0 {
		return usagef("--wait must not be negative")
	}
	if f.env == "-" && f.keyFile == "-" {
		return usagef("--env and --key-file cannot both be the standard input")
	}
	var err error
	if set.Env, err = a.readLimited(f.env, envfile.MaxBytes); err != nil {
		return err
	}
	const maxKey = 4096
	if set.Key, err = a.readLimited(f.keyFile, maxKey); err != nil {
		return err
	}
	if f.keyFile != "" && strings.TrimSpace(set.Key) == "" {
		return usagef("--key-file %s is empty", f.keyFile)
	}
	action := agentsetup.Setup
	if f.remove {
		action = agentsetup.RemoveAccess
	}
	result, err := action(ctx, set)
	if errors.Is(err, agentsetup.ErrInput) {
		return usageError{err}
	}
	if a.output != "table" {
		err = errors.Join(a.print(result, nil), err)
	}
	return err
}

// readLimited returns the content of a file, or of the standard input if the name is "-".
func (a *app) readLimited(name string, limit int64) (string, error) {
	if name == "" {
		return "", nil
	}
	in := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(data)) > limit {
		return "", usagef("%s has more than %d bytes", name, limit)
	}
	return string(data), nil
}
