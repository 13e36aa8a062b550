package main

import (
	"fmt"
	"io"
	"strings"
)

// snippet is one thing to paste or to put into a file.
type snippet struct {
	name, file, title string
	// variables returns an environment; nil for a script.
	variables func(s onboardSettings) []variable
	script    func(s onboardSettings) string
}

type variable struct{ name, value string }

// localOTLP is where the shipped agent takes OTLP over HTTP.
const localOTLP = "http://127.0.0.1:4318"

func snippets() []snippet {
	return []snippet{
		{
			name: "agent", file: "agent.env", title: "Edge agent: /etc/otelcol-tenant/agent.env, mode 0600",
			variables: func(s onboardSettings) []variable {
				return []variable{{"BUSINESS_ID", string(s.tenant)}, {"TENANT_KEY", s.key}, {"DEPLOY_ENV", s.env}, {"GATEWAY_ENDPOINT", s.gateway}, {"PM2_HOME", s.pm2Home}}
			},
		},
		{
			name: "app", file: "app.env", title: "Application with an OpenTelemetry SDK on the agent's machine; the agent adds the key",
			variables: func(onboardSettings) []variable {
				return []variable{{"OTEL_EXPORTER_OTLP_ENDPOINT", localOTLP}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}}
			},
		},
		{
			name: "otlp", file: "otlp.env", title: "Application with an OpenTelemetry SDK that sends to the gateway itself",
			variables: func(s onboardSettings) []variable {
				return []variable{{"OTEL_EXPORTER_OTLP_ENDPOINT", s.gateway}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}, {"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20" + s.key}}
			},
		},
		{name: "test", file: "test.sh", title: "Test of the key: ends with 200 if the gateway takes a log record; a running gateway knows a new key within a second", script: testScript},
	}
}

func snippetOf(name string) *snippet {
	for _, x := range snippets() {
		if x.name == name {
			return &x
		}
	}
	return nil
}

// testScript gives curl the key through its standard input, since others can
// see command lines. Its exit status is 0 only if the answer is 200.
func testScript(s onboardSettings) string {
	return `answer=$(curl -sS -w '\n%{http_code}' --config - ` + s.gateway + `/v1/logs <<'END'
header = "Authorization: Bearer ` + s.key + `"
header = "Content-Type: application/json"
data = "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"onboard-test\"}}]},\"scopeLogs\":[{\"logRecords\":[{\"severityText\":\"INFO\",\"body\":{\"stringValue\":\"test of a key\"}}]}]}]}"
END
)
echo "$answer"
test "${answer##*
}" = 200
`
}

// text returns the snippet as an environment file or as commands of a shell.
func (x *snippet) text(s onboardSettings, shell bool) string {
	if x.script != nil {
		return x.script(s)
	}
	var b strings.Builder
	for _, v := range x.variables(s) {
		if shell {
			fmt.Fprintf(&b, "export %s=%s\n", v.name, shellQuote(v.value))
		} else {
			fmt.Fprintf(&b, "%s=%s\n", v.name, envValue(v.value))
		}
	}
	return b.String()
}

// shellQuote returns v as one word of a POSIX shell.
func shellQuote(v string) string {
	if v != "" && envValue(v) == v {
		return v
	}
	return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
}

// envValue quotes a value of an environment file where systemd or a shell would
// read something else. Plain values have no quotes, since Docker takes quotes
// as part of the value.
func envValue(v string) string {
	for _, c := range v {
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("_-./:@%+=,", c)
		if !plain {
			return `"` + v + `"`
		}
	}
	return v
}

// onboarding is the snippets as one document.
type onboarding struct {
	Tenant     string `json:"tenant"`
	KeyID      string `json:"key_id,omitempty"`
	AgentEnv   string `json:"agent_env"`
	AppEnv     string `json:"app_env"`
	OTLPEnv    string `json:"otlp_env"`
	TestScript string `json:"test_script"`
}

func (s onboardSettings) onboarding() onboarding {
	text := func(name string) string { return snippetOf(name).text(s, false) }
	return onboarding{Tenant: string(s.tenant), AgentEnv: text("agent"), AppEnv: text("app"), OTLPEnv: text("otlp"), TestScript: text("test")}
}

// write prints all snippets under headings.
func (s onboardSettings) write(w io.Writer) error {
	for n, x := range snippets() {
		gap := "\n"
		if n == 0 {
			gap = ""
		}
		if _, err := fmt.Fprintf(w, "%s# %s\n%s", gap, x.title, x.text(s, false)); err != nil {
			return err
		}
	}
	return nil
}
