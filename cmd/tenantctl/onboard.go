// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// onboardFlags are the flags of onboard besides those of a new key.
type onboardFlags struct {
	operate.Onboarding
	snippet   string
	directory string
	newKey    bool
	key       keyFlags
}

func (a *app) onboardCommand() *cobra.Command {
	var f onboardFlags
	c := &cobra.Command{
		Use:   "onboard TENANT",
		Short: "Print what a tenant needs to send data",
		Long: `Print what a tenant needs to send data through the gateway at --endpoint:

  agent       agent.env         environment file of the edge agent
  app         app.env           environment of an application on the agent's machine:
                                the agent adds the key, so the application needs none
  otlp        otlp.env          environment of an application that sends directly to
                                the gateway
  test        test.sh           a request with curl that shows whether the key works
  key         gateway.key       the key alone, for the programs below, which read it
                                from ` + operate.KeyFile + `
  prometheus  prometheus.yaml   remote_write of Prometheus
  vmagent     vmagent.sh        start of vmagent
  alloy       alloy.alloy       prometheus.remote_write of Grafana Alloy
  alloy-logs  alloy-logs.alloy  loki.write of Grafana Alloy
  winston-loki, pino-loki       winston-loki.cjs and pino-loki.cjs: loggers of
                                Node.js, which read the key from OTELCOL_TENANT_KEY

With --new-key, programs that send only what --scopes does not have are left out.

With -o table all of them are printed under headings, with -o json and -o yaml as
one document. -o env prints one as an environment file, which systemd and Docker
read, and -o shell as commands for a shell; --snippet selects which. What is not an
environment is printed by -o shell as it is. --directory writes each to a file of
its own that only its owner can read.

With --new-key a key is created and filled in. It is shown only once. Without it
the snippets have a placeholder.

Remote write goes to --remote-write-url. By default that is /api/v1/write at
--endpoint, with port 19291 where --endpoint has 4318. Clients of Loki push to
--loki-url, by default --endpoint, with port 3100 where --endpoint has 4318.`,
		Example: `  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key --description vm-12
  (umask 077; tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key -o env > agent.env)
  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key --directory ./tenant-a`,
		Args:        exactly("TENANT"),
		Annotations: map[string]string{moreOutputs: "env shell"},
		RunE:        func(cmd *cobra.Command, args []string) error { return a.onboard(cmd, tenant.ID(args[0]), &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.Endpoint, "endpoint", "", "`URL` of the gateway for OTLP over HTTP, such as https://gateway.example:4318 (required)")
	flags.StringVar(&f.RemoteWriteURL, "remote-write-url", "", "`URL` of the gateway for Prometheus remote write, such as https://gateway.example:19291/api/v1/write")
	flags.StringVar(&f.LokiURL, "loki-url", "", "`URL` of the gateway for clients of Loki, such as https://gateway.example:3100")
	flags.StringVar(&f.snippet, "snippet", "agent", "what -o env and -o shell print: "+snippetNames())
	flags.StringVar(&f.directory, "directory", "", "write each snippet to a file in `DIR`, which is created if it does not exist")
	flags.StringVar(&f.Environment, "deploy-env", "production", "deployment environment of the agent")
	flags.StringVar(&f.PM2Home, "pm2-home", "/home/app/.pm2", "PM2's home folder on the agent's machine")
	flags.BoolVar(&f.newKey, "new-key", false, "create a key and fill it in")
	f.key.register(c)
	return a.changing(c)
}

func (a *app) onboard(cmd *cobra.Command, id tenant.ID, f *onboardFlags) error {
	one, err := a.checkOnboarding(cmd, f)
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	t, err := r.Tenant(cmd.Context(), id)
	if err != nil {
		return err
	}
	var settings operate.KeySettings
	if f.newKey {
		if settings, err = f.key.settings(a.now()); err != nil {
			return err
		}
		f.Scopes = tenant.NewSignals(settings.Scopes...)
	}
	var files *snippetFiles
	if f.directory != "" {
		if files, err = newSnippetFiles(f.directory, f.Snippets()); err != nil {
			return err
		}
		defer files.abandon()
	}
	f.Tenant, f.Key = t.ID, operate.KeyPlaceholder
	var created *tenant.Key
	if f.newKey {
		k, err := r.CreateKey(cmd.Context(), a.request("onboard"), t.ID, settings)
		if err != nil {
			return err
		}
		created, f.Key = k.Key, k.Text
	}
	if t.Status == tenant.StatusSuspended {
		fmt.Fprintf(a.err, "Note: tenant %s is suspended: its data is rejected until it is resumed.\n", t.ID)
	}
	a.noteSnippets(f.Onboarding, one)
	switch {
	case files != nil:
		err = files.write(a.out, f.Onboarding)
	case one != nil && a.output == "shell":
		_, err = io.WriteString(a.out, one.ShellText(f.Onboarding))
	case one != nil:
		_, err = io.WriteString(a.out, one.Text(f.Onboarding))
	default:
		keyID := ""
		if created != nil {
			keyID = created.ID
		}
		err = a.print(f.View(keyID), func(w io.Writer) error { return writeSnippets(w, f.Onboarding) })
	}
	if created != nil {
		return shown(created, err)
	}
	return err
}

// noteSnippets says which snippets are left out, and which URLs may be wrong. one is the
// snippet that is printed; nil: all.
func (a *app) noteSnippets(o operate.Onboarding, one *operate.Snippet) {
	if one != nil {
		a.noteGuesses(o.GuessedURLs(*one))
		return
	}
	var names []string
	for _, s := range o.Excluded() {
		names = append(names, s.Name)
	}
	if len(names) > 0 {
		fmt.Fprintf(a.err, "Note: the key may send only %s, so there is nothing for %s.\n", strings.Join(o.Scopes.Names(), " and "), strings.Join(names, ", "))
	}
	a.noteGuesses(o.GuessedURLs(o.Snippets()...))
}

func (a *app) noteGuesses(guessed []operate.Assignment) {
	for _, g := range guessed {
		what := "remote write goes"
		if g.Name == "loki_url" {
			what = "clients of Loki push"
		}
		fmt.Fprintf(a.err, "Note: %s to %s: give --%s if no proxy distributes requests by path.\n", what, g.Value, flagNames[g.Name])
	}
}

// checkOnboarding checks the flags and returns the snippet that -o env and -o
// shell print. It is nil for the formats that have all snippets.
func (a *app) checkOnboarding(cmd *cobra.Command, f *onboardFlags) (*operate.Snippet, error) {
	for _, flag := range keyFlagNames() {
		if cmd.Flags().Changed(flag) && !f.newKey {
			return nil, usagef("--%s describes a new key: give --new-key too", flag)
		}
	}
	var one *operate.Snippet
	switch {
	case a.output == "env" || a.output == "shell":
		s, ok := operate.SnippetByName(f.snippet)
		if !ok {
			return nil, usagef("--snippet must be %s, not %q", snippetNames(), f.snippet)
		}
		if !s.IsEnvironment() && a.output == "env" {
			return nil, usagef("the %s snippet is not an environment: use -o shell", f.snippet)
		}
		if f.newKey && !s.HasKey() {
			return nil, usagef("the %s snippet has no key, and a new key is shown only once: print another snippet with --new-key, or use --directory", f.snippet)
		}
		one = &s
	case cmd.Flags().Changed("snippet"):
		return nil, usagef("--snippet is for -o env and -o shell; -o %s has all of them", a.output)
	}
	if f.directory != "" && a.output != "table" {
		return nil, usagef("--directory writes all snippets as files: give no -o %s with it", a.output)
	}
	return one, f.Check()
}

// snippetNames returns the names of all snippets as text.
func snippetNames() string {
	names := operate.SnippetNames()
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// writeSnippets prints the snippets under headings.
func writeSnippets(w io.Writer, o operate.Onboarding) error {
	for n, s := range o.Snippets() {
		gap := "\n"
		if n == 0 {
			gap = ""
		}
		if _, err := fmt.Fprintf(w, "%s# %s\n%s", gap, s.Title, s.Text(o)); err != nil {
			return err
		}
	}
	return nil
}
