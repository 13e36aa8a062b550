package operate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// KeyPlaceholder is the key of [Onboarding] if there is no key to show.
const KeyPlaceholder = "REPLACE_WITH_THE_KEY"

// localOTLP is the endpoint at which the shipped agent receives OTLP over HTTP.
const localOTLP = "http://127.0.0.1:4318"

// Onboarding is what the snippets for a new tenant are made of.
type Onboarding struct {
	Tenant      tenant.ID
	Key         string // the text of the key, or KeyPlaceholder
	Endpoint    string // of the gateway for OTLP over HTTP
	Environment string // deployment environment of the agent
	PM2Home     string // on the agent's machine
}

// Check removes a slash at the end of the endpoint. It returns an
// [*InputError] for what no agent or SDK can use, and for text that systemd,
// Docker or a shell would read as something else.
func (o *Onboarding) Check() error {
	if o.Endpoint == "" {
		return malformed("endpoint", "", "is required: the URL at which agents and applications reach the gateway, such as https://gateway.example:4318")
	}
	endpoint, err := checkEndpoint(o.Endpoint)
	if err != nil {
		return &InputError{Field: "endpoint", Malformed: true, Err: err}
	}
	o.Endpoint = endpoint
	for _, v := range []Assignment{{"environment", o.Environment}, {"pm2_home", o.PM2Home}} {
		if strings.ContainsAny(v.Value, "\"\\$`\r\n\x00") {
			return malformed(v.Name, "", "must not have quotes, backslashes, $, ` or line breaks")
		}
	}
	return nil
}

// checkEndpoint returns the endpoint without a slash at its end.
func checkEndpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") || strings.ContainsAny(text, "\"'\\$`{}<> \t\r\n") || !validHostPort(u) {
		return "", errors.New("must be a URL such as https://gateway.example:4318")
	}
	if strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("must have no path, not %s: agents and SDKs append /v1/logs, /v1/metrics and /v1/traces themselves", u.Path)
	}
	if u.Scheme == "http" && !loopbackHost(u.Hostname()) {
		return "", fmt.Errorf("http sends the key in clear text: use https://%s; http is for loopback addresses only", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

// validHostPort reports whether the host has only characters of a host name or
// an IP address, and the port, if there is one, is a port.
func validHostPort(u *url.URL) bool {
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return false
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return false
	}
	host := u.Hostname()
	if net.ParseIP(host) != nil {
		return true
	}
	for _, c := range host {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._", c) {
			return false
		}
	}
	return true
}

func loopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// Snippet is text for a new tenant to paste or to put into a file.
type Snippet struct {
	// Name is the short name: agent, app, otlp or test.
	Name string

	// File is a file name for the snippet.
	File string

	// Title says what the snippet is for.
	Title string

	variables func(o Onboarding) []Assignment // of an environment; nil for a script
	script    func(o Onboarding) string
}

// Snippets returns all snippets.
func Snippets() []Snippet {
	const protocol = "http/protobuf"
	return []Snippet{
		{
			Name: "agent", File: "agent.env", Title: "Edge agent: /etc/otelcol-tenant/agent.env, mode 0600",
			variables: func(o Onboarding) []Assignment {
				return []Assignment{
					{"BUSINESS_ID", string(o.Tenant)},
					{"TENANT_KEY", o.Key},
					{"DEPLOY_ENV", o.Environment},
					{"GATEWAY_ENDPOINT", o.Endpoint},
					{"PM2_HOME", o.PM2Home},
				}
			},
		},
		{
			Name: "app", File: "app.env", Title: "Application with an OpenTelemetry SDK on the agent's machine; the agent adds the key",
			variables: func(Onboarding) []Assignment {
				return []Assignment{{"OTEL_EXPORTER_OTLP_ENDPOINT", localOTLP}, {"OTEL_EXPORTER_OTLP_PROTOCOL", protocol}}
			},
		},
		{
			Name: "otlp", File: "otlp.env", Title: "Application with an OpenTelemetry SDK that sends directly to the gateway",
			variables: func(o Onboarding) []Assignment {
				return []Assignment{
					{"OTEL_EXPORTER_OTLP_ENDPOINT", o.Endpoint},
					{"OTEL_EXPORTER_OTLP_PROTOCOL", protocol},
					{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20" + o.Key},
				}
			},
		},
		{
			Name: "test", File: "test.sh", Title: "Test of the key: prints 200 if the gateway accepts a log record; a running gateway knows a new key within a second",
			script: testScript,
		},
	}
}

// SnippetByName returns the snippet with a name and reports whether there is one.
func SnippetByName(name string) (Snippet, bool) {
	all := Snippets()
	i := slices.IndexFunc(all, func(s Snippet) bool { return s.Name == name })
	if i < 0 {
		return Snippet{}, false
	}
	return all[i], true
}

// IsScript reports whether the snippet is a script. All others are an
// environment.
func (s Snippet) IsScript() bool { return s.script != nil }

// Text returns the snippet as an environment file, which systemd and Docker
// read, or as a script.
func (s Snippet) Text(o Onboarding) string {
	return s.text(o, func(name, value string) string { return name + "=" + envValue(value) })
}

// ShellText returns the snippet as commands of a POSIX shell.
func (s Snippet) ShellText(o Onboarding) string {
	return s.text(o, func(name, value string) string { return "export " + name + "=" + ShellQuote(value) })
}

func (s Snippet) text(o Onboarding, assign func(name, value string) string) string {
	if s.script != nil {
		return s.script(o)
	}
	var b strings.Builder
	for _, v := range s.variables(o) {
		b.WriteString(assign(v.Name, v.Value) + "\n")
	}
	return b.String()
}

// testScript passes the key to curl through its standard input, since other
// users can see command lines. Its exit status is 0 only if the answer is 200.
func testScript(o Onboarding) string {
	return `answer=$(curl -sS -w '\n%{http_code}' --config - ` + o.Endpoint + `/v1/logs <<'END'
header = "Authorization: Bearer ` + o.Key + `"
header = "Content-Type: application/json"
data = "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"onboard-test\"}}]},\"scopeLogs\":[{\"logRecords\":[{\"severityText\":\"INFO\",\"body\":{\"stringValue\":\"test of a key\"}}]}]}]}"
END
)
echo "$answer"
test "${answer##*
}" = 200
`
}

// ShellQuote returns v as one word of a POSIX shell.
func ShellQuote(v string) string {
	if v != "" && envValue(v) == v {
		return v
	}
	return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
}

// envValue quotes a value of an environment file that systemd or a shell would
// read as something else. Plain values have no quotes, since Docker takes quotes
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

// OnboardingView is all snippets as one document.
type OnboardingView struct {
	Tenant     string `json:"tenant"`
	KeyID      string `json:"key_id,omitempty"`
	AgentEnv   string `json:"agent_env"`
	AppEnv     string `json:"app_env"`
	OTLPEnv    string `json:"otlp_env"`
	TestScript string `json:"test_script"`
}

// View returns all snippets as one document. keyID is the ID of the key that was
// created for them; it may be empty.
func (o Onboarding) View(keyID string) OnboardingView {
	text := func(name string) string {
		s, _ := SnippetByName(name)
		return s.Text(o)
	}
	return OnboardingView{
		Tenant: string(o.Tenant), KeyID: keyID,
		AgentEnv: text("agent"), AppEnv: text("app"), OTLPEnv: text("otlp"), TestScript: text("test"),
	}
}
