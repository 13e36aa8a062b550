package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// placeholder is printed in place of a key that this command did not create.
const placeholder = "REPLACE_WITH_THE_KEY"

// onboardSettings is what the snippets are made of.
type onboardSettings struct {
	tenant  tenant.ID
	key     string
	gateway string // OTLP over HTTP
	env     string
	pm2Home string
}

func (a *app) onboardCommand() *cobra.Command {
	var s onboardSettings
	var newKey bool
	var k keySettings
	var name, directory string
	c := &cobra.Command{
		Use:   "onboard TENANT",
		Short: "Print what a tenant needs to send data",
		Long: `Print what a tenant needs to send data through the gateway at --endpoint:

  agent  agent.env  environment file of the edge agent
  app    app.env    environment of an application on the agent's machine: the agent
                    adds the key, so the application needs none
  otlp   otlp.env   environment of an application that sends to the gateway itself
  test   test.sh    a request with curl that shows whether the key works

With -o table all of them are printed under headings, with -o json and -o yaml as
one document. -o env prints one as an environment file, which systemd and Docker
read, and -o shell as commands for a shell; --snippet says which. --directory
writes each to a file of its own that only its owner can read.

With --new-key a key is created and filled in. It is shown only now. Without it
the snippets have a placeholder.`,
		Example: `  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key --description vm-12
  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key -o env > agent.env
  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key --directory ./tenant-a`,
		Args:        exactly("TENANT"),
		Annotations: map[string]string{moreOutputs: "env shell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, flag := range keyFlagNames() {
				if cmd.Flags().Changed(flag) && !newKey {
					return usagef("--%s is about a key that is made: give --new-key too", flag)
				}
			}
			one, err := a.oneSnippet(name, cmd.Flags().Changed("snippet"))
			if err != nil {
				return err
			}
			if directory != "" && a.output != "table" {
				return usagef("--directory writes all snippets as files: give no -o %s with it", a.output)
			}
			if err := s.check(); err != nil {
				return err
			}
			doc, err := a.read(cmd.Context())
			if err != nil {
				return err
			}
			t, err := doc.Tenant(tenant.ID(args[0]))
			if err != nil {
				return err
			}
			if err := refuseDeleted(t); err != nil {
				return err
			}
			var files *snippetFiles
			if directory != "" {
				if files, err = newSnippetFiles(directory); err != nil {
					return err
				}
				defer files.abandon()
			}
			s.tenant, s.key = t.ID, placeholder
			var made *tenant.Key
			if newKey {
				if _, made, s.key, err = a.addKey(cmd.Context(), args[0], k); err != nil {
					return err
				}
			}
			if t.Status == tenant.StatusSuspended {
				fmt.Fprintf(a.err, "Note: tenant %s is suspended, its data is refused until it is resumed.\n", t.ID)
			}
			switch {
			case files != nil:
				err = files.write(a.out, s)
			case one != nil:
				_, err = fmt.Fprint(a.out, one.text(s, a.output == "shell"))
			default:
				out := s.onboarding()
				if made != nil {
					out.KeyID = made.ID
				}
				err = a.print(out, s.write)
			}
			if made != nil {
				return shown(made, err)
			}
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&s.gateway, "endpoint", "", "`URL` of the gateway for OTLP over HTTP, such as https://gateway.example:4318 (required)")
	flags.StringVar(&name, "snippet", "agent", "what -o env and -o shell print: agent, app, otlp or test")
	flags.StringVar(&directory, "directory", "", "write each snippet to a file in `DIR`, which is made if it is missing")
	flags.StringVar(&s.env, "deploy-env", "production", "deployment environment of the agent")
	flags.StringVar(&s.pm2Home, "pm2-home", "/home/app/.pm2", "PM2's home folder on the agent's machine")
	flags.BoolVar(&newKey, "new-key", false, "create a key and fill it in")
	k.register(c)
	return a.changing(c)
}

// oneSnippet returns the snippet that -o env and -o shell print, nil for the
// formats that hold them all.
func (a *app) oneSnippet(name string, given bool) (*snippet, error) {
	if a.output != "env" && a.output != "shell" {
		if given {
			return nil, usagef("--snippet is for -o env and -o shell; -o %s has all of them", a.output)
		}
		return nil, nil
	}
	x := snippetOf(name)
	if x == nil {
		return nil, usagef("--snippet must be agent, app, otlp or test, not %q", name)
	}
	if x.variables == nil && a.output == "env" {
		return nil, usagef("the %s snippet is a script, not an environment: use -o shell", name)
	}
	return x, nil
}
