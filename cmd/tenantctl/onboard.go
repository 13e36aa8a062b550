package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// placeholder stands where a key belongs that was not made now.
const placeholder = "REPLACE_WITH_THE_KEY"

// onboarding is everything a tenant needs to send data.
type onboarding struct {
	Tenant     string `json:"tenant"`
	KeyID      string `json:"key_id,omitempty"`
	AgentEnv   string `json:"agent_env"`
	OTLPEnv    string `json:"otlp_env"`
	Prometheus string `json:"prometheus"`
	Promtail   string `json:"promtail"`
}

// onboardSettings is what the snippets are made of.
type onboardSettings struct {
	tenant  tenant.ID
	key     string
	gateway string // OTLP over HTTP
	metrics string // remote write
	logs    string // Loki push
	env     string
	pm2Home string
}

func (a *app) onboardCommand() *cobra.Command {
	var s onboardSettings
	var newKey bool
	var k keySettings
	c := &cobra.Command{
		Use:   "onboard TENANT",
		Short: "Print what a tenant needs to send data",
		Long: `Print, ready to paste: the environment file of the edge agent, the environment of
an application with an OpenTelemetry SDK, and snippets for Prometheus and
Promtail. With --new-key a key is created and filled in, and shown only now;
otherwise a placeholder stands in its place.`,
		Example: `  tenantctl onboard tenant-a --endpoint https://gateway.example:4318 --new-key --description vm-12`,
		Args:    exactly("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range keyFlagNames() {
				if cmd.Flags().Changed(name) && !newKey {
					return usagef("--%s is about a key that is made: give --new-key too", name)
				}
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
			if err := s.complete(); err != nil {
				return err
			}
			s.tenant, s.key = t.ID, placeholder
			out := onboarding{Tenant: args[0]}
			var made *tenant.Key
			if newKey {
				if _, made, s.key, err = a.addKey(cmd.Context(), args[0], k); err != nil {
					return err
				}
				out.KeyID = made.ID
			}
			s.fill(&out)
			if t.Status == tenant.StatusSuspended {
				fmt.Fprintf(a.err, "Note: tenant %s is suspended, its data is refused until it is resumed.\n", t.ID)
			}
			err = a.print(out, out.write)
			if made != nil {
				return shown(made, err)
			}
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&s.gateway, "endpoint", "https://gateway.example:4318", "`URL` of the gateway for OTLP over HTTP")
	flags.StringVar(&s.metrics, "remote-write-endpoint", "", "`URL` of the gateway for Prometheus remote write; default the endpoint with /api/v1/write")
	flags.StringVar(&s.logs, "loki-endpoint", "", "`URL` of the gateway for Promtail; default the endpoint with /loki/api/v1/push")
	flags.StringVar(&s.env, "deploy-env", "production", "deployment environment of the agent")
	flags.StringVar(&s.pm2Home, "pm2-home", "/home/app/.pm2", "PM2's home folder on the agent's machine")
	flags.BoolVar(&newKey, "new-key", false, "create a key and fill it in")
	k.register(c)
	return a.changing(c)
}

// complete checks the endpoints and fills in those that were not given.
func (s *onboardSettings) complete() error {
	base, err := checkURL("--endpoint", s.gateway)
	if err != nil {
		return err
	}
	s.gateway = base
	for _, e := range []struct {
		flag, path string
		to         *string
	}{{"--remote-write-endpoint", "/api/v1/write", &s.metrics}, {"--loki-endpoint", "/loki/api/v1/push", &s.logs}} {
		if *e.to == "" {
			*e.to = base + e.path
		}
		if *e.to, err = checkURL(e.flag, *e.to); err != nil {
			return err
		}
	}
	for _, v := range []struct{ flag, value string }{{"--deploy-env", s.env}, {"--pm2-home", s.pm2Home}} {
		if strings.ContainsAny(v.value, "\"\\$`\r\n\x00") {
			return usagef("%s must not have quotes, backslashes, $, ` or line breaks", v.flag)
		}
	}
	return nil
}

var errURL = errors.New("must be a URL such as https://gateway.example:4318")

// checkURL returns text without a slash at its end. What the URL holds goes
// into files that a shell and a YAML parser read.
func checkURL(flag, text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("%s: %w", flag, errURL)
	}
	if strings.ContainsAny(text, "\"'\\$`{}<> \t\r\n") {
		return "", usagef("%s: %w", flag, errURL)
	}
	return strings.TrimRight(text, "/"), nil
}

func (s *onboardSettings) fill(out *onboarding) {
	out.AgentEnv = "BUSINESS_ID=" + envValue(string(s.tenant)) + "\n" +
		"TENANT_KEY=" + s.key + "\n" +
		"DEPLOY_ENV=" + envValue(s.env) + "\n" +
		"GATEWAY_ENDPOINT=" + s.gateway + "\n" +
		"PM2_HOME=" + envValue(s.pm2Home) + "\n"
	out.OTLPEnv = "OTEL_EXPORTER_OTLP_ENDPOINT=" + s.gateway + "\n" +
		"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n" +
		"OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20" + s.key + "\n"
	out.Prometheus = "remote_write:\n" +
		"  - url: " + s.metrics + "\n" +
		"    authorization:\n" +
		"      type: Bearer\n" +
		"      credentials: " + s.key + "\n"
	out.Promtail = "clients:\n" +
		"  - url: " + s.logs + "\n" +
		"    bearer_token: " + s.key + "\n"
}

// envValue quotes a value of an environment file where systemd or a shell would
// read something else. Plain values stay plain, since Docker takes quotes as
// part of the value.
func envValue(v string) string {
	for _, c := range v {
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-./:@%+=,", c)
		if !plain {
			return `"` + v + `"`
		}
	}
	return v
}

func (o onboarding) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, `# Edge agent: /etc/otelcol-tenant/agent.env
%s
# Applications with an OpenTelemetry SDK that send to the gateway directly
%s
# Prometheus: prometheus.yml, if the gateway has a receiver for remote write
%s
# Promtail: config.yml, if the gateway has a receiver for Loki's push API
%s`, o.AgentEnv, o.OTLPEnv, o.Prometheus, o.Promtail)
	return err
}
