// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// KeyFile is the file from which clients that are no agents and no SDKs read the key.
const KeyFile = "/etc/otelcol-tenant/gateway.key"

const (
	// The ports at which the shipped gateway receives OTLP over HTTP and gRPC, remote write
	// and pushes to Loki.
	portOTLP, portGRPC, portRemoteWrite, portLokiPush = "4318", "4317", "19291", "3100"

	// remoteWritePath is the default of the receiver, and lokiPushPath the path of Loki.
	remoteWritePath, lokiPushPath = "/api/v1/write", "/loki/api/v1/push"
)

// localOTLP is the endpoint at which the shipped agent receives OTLP over HTTP.
const localOTLP = "http://127.0.0.1:4318"

// Onboarding is what the snippets for a new tenant are made of.
type Onboarding struct {
	Tenant         tenant.ID
	Key            string // the text of the key, or KeyPlaceholder
	Endpoint       string // of the gateway for OTLP over HTTP
	RemoteWriteURL string // of the gateway for remote write; empty: follows from Endpoint
	LokiURL        string // of the gateway for clients of Loki, without a path; empty: follows from Endpoint
	Environment    string // deployment environment of the agent
	PM2Home        string // on the agent's machine

	// Scopes are the signals that the key may send. Empty: they are not known, or all.
	Scopes tenant.Signals

	guessed tenant.Signals // whose URL has the port of Endpoint, which may be another's
}

// Check removes a slash at the end of the endpoint, and completes RemoteWriteURL and LokiURL.
// It returns an [*InputError] for what no agent or SDK can use, and for text that
// systemd, Docker, a shell or YAML would read as something else.
func (o *Onboarding) Check() error {
	if o.Endpoint == "" {
		return malformed("endpoint", "", "is required: the URL at which agents and applications reach the gateway, such as https://gateway.example:4318")
	}
	endpoint, err := checkEndpoint(o.Endpoint, urlForm{port: portOTLP, clients: "agents and SDKs append /v1/logs, /v1/metrics and /v1/traces themselves"})
	if err != nil {
		return &InputError{Field: "endpoint", Malformed: true, Err: err}
	}
	o.Endpoint, o.guessed = endpoint, 0
	if o.RemoteWriteURL == "" {
		o.RemoteWriteURL = remoteWriteURL(endpoint)
		o.guess(tenant.Metrics)
	} else if o.RemoteWriteURL, err = checkRemoteWriteURL(o.RemoteWriteURL); err != nil {
		return &InputError{Field: "remote_write_url", Malformed: true, Err: err}
	}
	if o.LokiURL == "" {
		o.LokiURL = lokiURL(endpoint)
		o.guess(tenant.Logs)
	} else if o.LokiURL, err = checkLokiURL(o.LokiURL); err != nil {
		return &InputError{Field: "loki_url", Malformed: true, Err: err}
	}
	for _, v := range []Assignment{{"environment", o.Environment}, {"pm2_home", o.PM2Home}} {
		if strings.ContainsAny(v.Value, "\"\\$`\r\n\x00") {
			return malformed(v.Name, "", "must not have quotes, backslashes, $, ` or line breaks")
		}
	}
	return nil
}

// guess notes that the URL for clients of a signal has the port of the endpoint, unless
// that port has a known meaning.
func (o *Onboarding) guess(signal tenant.Signal) {
	if u, err := url.Parse(o.Endpoint); err == nil && u.Port() != "" && u.Port() != portOTLP && u.Port() != "443" {
		o.guessed |= tenant.NewSignals(signal)
	}
}

// GuessedURLs returns the fields of URLs in a snippet, and these URLs, that are right only if a
// proxy at the endpoint distributes requests by their path.
func (o Onboarding) GuessedURLs(snippets ...Snippet) (guessed []Assignment) {
	for _, u := range []struct {
		signal tenant.Signal
		Assignment
	}{
		{tenant.Metrics, Assignment{"remote_write_url", o.RemoteWriteURL}},
		{tenant.Logs, Assignment{"loki_url", o.LokiURL + lokiPushPath}},
	} {
		used := slices.ContainsFunc(snippets, func(s Snippet) bool { return s.signals.Has(u.signal) })
		if used && o.guessed.Has(u.signal) {
			guessed = append(guessed, u.Assignment)
		}
	}
	return guessed
}

// testSignal is what the test of the key sends.
func (o Onboarding) testSignal() tenant.Signal {
	for _, signal := range tenant.AllSignals() {
		if o.Scopes.Has(signal) {
			return signal
		}
	}
	return tenant.Logs
}

// urlForm is how error texts describe the URL of a receiver.
type urlForm struct {
	port, path string // of the example
	clients    string // what they append
}

// checkEndpoint returns the endpoint without a slash at its end.
func checkEndpoint(text string, form urlForm) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") || strings.ContainsAny(text, "\"'\\$`{}<> \t\r\n") || !validHostPort(u) {
		return "", errors.New("must be a URL such as https://gateway.example:" + form.port + form.path)
	}
	if strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("must have no path, not %s: %s", u.Path, form.clients)
	}
	if u.Port() == portGRPC {
		return "", errors.New("has port 4317, where the gateway receives gRPC: give the port for HTTP, by default " + form.port)
	}
	if u.Scheme == "http" && !loopbackHost(u.Hostname()) {
		return "", fmt.Errorf("http sends the key in clear text: use https://%s; http is for loopback addresses only", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

// remoteWriteURL returns the URL of remote write of the gateway with an endpoint. A
// gateway has a port for it beside that of OTLP. At any other port a proxy
// distributes requests by their path, as in docs/proxies.md.
func remoteWriteURL(endpoint string) string {
	if host, found := strings.CutSuffix(endpoint, ":"+portOTLP); found {
		endpoint = host + ":" + portRemoteWrite
	}
	return endpoint + remoteWritePath
}

// checkRemoteWriteURL returns the URL with a path. Clients of remote write append
// nothing to it. vmagent reads commas in it as the end of a URL.
func checkRemoteWriteURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("must be a URL such as https://gateway.example:19291/api/v1/write")
	}
	path := u.EscapedPath()
	base, err := checkEndpoint(strings.TrimSuffix(text, path), urlForm{port: portRemoteWrite, path: remoteWritePath})
	if err != nil {
		return "", err
	}
	for _, c := range path {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~/", c) {
			return "", fmt.Errorf("must have a path of letters, digits, -, ., _, ~ and /, not %s", path)
		}
	}
	if strings.Trim(path, "/") == "" {
		path = remoteWritePath
	}
	return base + path, nil
}

// lokiURL returns the URL for clients of Loki of the gateway with an endpoint, as
// remoteWriteURL does for remote write.
func lokiURL(endpoint string) string {
	if host, found := strings.CutSuffix(endpoint, ":"+portOTLP); found {
		return host + ":" + portLokiPush
	}
	return endpoint
}

// checkLokiURL returns the URL without the path of pushes, which winston-loki and
// pino-loki append themselves.
func checkLokiURL(text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimRight(text, "/"), lokiPushPath)
	return checkEndpoint(text, urlForm{port: portLokiPush, clients: "clients of Loki append " + lokiPushPath + " themselves"})
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
	// Name is the short name, such as agent.
	Name string

	// File is a file name for the snippet.
	File string

	// Title is the purpose of the snippet.
	Title string

	variables func(o Onboarding) []Assignment // of an environment; nil for all else
	content   func(o Onboarding) string       // of a script or another file
	keyless   bool
	signals   tenant.Signals // which the program sends; empty: what the key may send
}

// Snippets returns the snippets of programs that send what the key may send.
func (o Onboarding) Snippets() []Snippet {
	return slices.DeleteFunc(Snippets(), o.excludes)
}

// Excluded returns the snippets of programs that send what the key may not send.
func (o Onboarding) Excluded() []Snippet {
	return slices.DeleteFunc(Snippets(), func(s Snippet) bool { return !o.excludes(s) })
}

func (o Onboarding) excludes(s Snippet) bool {
	return o.Scopes != 0 && s.signals != 0 && o.Scopes&s.signals == 0
}

// Snippets returns all snippets.
func Snippets() []Snippet {
	const protocol = "http/protobuf"
	metrics, logs := tenant.NewSignals(tenant.Metrics), tenant.NewSignals(tenant.Logs)
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
			Name: "app", File: "app.env", Title: "Application with an OpenTelemetry SDK on the agent's machine; the agent adds the key", keyless: true,
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
			Name: "test", File: "test.sh", Title: "Test of the key: prints 200 if the gateway accepts one record; a running gateway knows a new key within a second",
			content: testScript,
		},
		{
			Name: "key", File: "gateway.key", Title: "Key for the clients below: " + KeyFile + ", readable only by the user that runs them",
			content: func(o Onboarding) string { return o.Key + "\n" },
		},
		{
			Name: "prometheus", File: "prometheus.yaml", Title: "Prometheus 2 and 3, part of prometheus.yml; reads " + KeyFile,
			content: prometheusConfig, keyless: true, signals: metrics,
		},
		{
			Name: "vmagent", File: "vmagent.sh", Title: "vmagent, with -promscrape.config and further flags after the name of the script; reads " + KeyFile,
			content: vmagentScript, keyless: true, signals: metrics,
		},
		{
			Name: "alloy", File: "alloy.alloy", Title: "Grafana Alloy, part of config.alloy; reads " + KeyFile,
			content: alloyConfig, keyless: true, signals: metrics,
		},
		{
			Name: "alloy-logs", File: "alloy-logs.alloy", Title: "Grafana Alloy for logs, part of config.alloy; reads " + KeyFile,
			content: alloyLogsConfig, keyless: true, signals: logs,
		},
		{
			Name: "winston-loki", File: "winston-loki.cjs", Title: "Application with winston and winston-loki; reads the key from OTELCOL_TENANT_KEY",
			content: winstonLoki, keyless: true, signals: logs,
		},
		{
			Name: "pino-loki", File: "pino-loki.cjs", Title: "Application with pino and pino-loki; reads the key from OTELCOL_TENANT_KEY",
			content: pinoLoki, keyless: true, signals: logs,
		},
	}
}

// SnippetNames returns the names of all snippets.
func SnippetNames() []string {
	var names []string
	for _, s := range Snippets() {
		names = append(names, s.Name)
	}
	return names
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

// IsEnvironment reports whether the snippet is an environment. All others are
// scripts and files of other kinds.
func (s Snippet) IsEnvironment() bool { return s.variables != nil }

// HasKey reports whether the key is in the snippet.
func (s Snippet) HasKey() bool { return !s.keyless }

// Text returns the snippet as an environment file, which systemd and Docker
// read, or as the script or file that it is.
func (s Snippet) Text(o Onboarding) string {
	return s.text(o, func(name, value string) string { return name + "=" + envValue(value) })
}

// ShellText returns an environment as commands of a POSIX shell. All else is as
// with Text.
func (s Snippet) ShellText(o Onboarding) string {
	return s.text(o, func(name, value string) string { return "export " + name + "=" + ShellQuote(value) })
}

func (s Snippet) text(o Onboarding, assign func(name, value string) string) string {
	if s.content != nil {
		return s.content(o)
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
	return `answer=$(curl -sS -w '\n%{http_code}' --config - ` + o.Endpoint + `/v1/` + o.testSignal().String() + ` <<'END'
header = "Authorization: Bearer ` + o.Key + `"
header = "Content-Type: application/json"
data = "` + strings.ReplaceAll(testRequest(o.testSignal()), `"`, `\"`) + `"
END
)
echo "$answer"
test "${answer##*
}" = 200
`
}

// testRequest returns an OTLP request in JSON with one record.
func testRequest(signal tenant.Signal) string {
	const resource = `"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"onboard-test"}}]}`
	switch signal {
	case tenant.Metrics:
		return `{"resourceMetrics":[{` + resource + `,"scopeMetrics":[{"metrics":[{"name":"onboard.test","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`
	case tenant.Traces:
		return `{"resourceSpans":[{` + resource + `,"scopeSpans":[{"spans":[{"traceId":"6f6e626f6172642d7465737400000001","spanId":"7465737400000001","name":"test of a key"}]}]}]}`
	}
	return `{"resourceLogs":[{` + resource + `,"scopeLogs":[{"logRecords":[{"severityText":"INFO","body":{"stringValue":"test of a key"}}]}]}]}`
}

// prometheusConfig has the key in its own file: prometheus.yml is often
// readable by all. Debian's Prometheus 2.42 drops `headers` without a message.
func prometheusConfig(o Onboarding) string {
	return `# Do not put the key into headers: some versions of Prometheus, such as 2.42 of Debian 12,
# drop them without a message, and all requests are then answered with 401.
remote_write:
  - url: "` + o.RemoteWriteURL + `"
    authorization:
      credentials_file: ` + KeyFile + `
    # The same with basic authentication, in place of authorization:
    # basic_auth:
    #   username: "` + string(o.Tenant) + `"
    #   password_file: ` + KeyFile + `
    # Remote write 2.0 for Prometheus 3, with --enable-feature=metadata-wal-records:
    # protobuf_message: io.prometheus.write.v2.Request
    send_exemplars: true
    send_native_histograms: true
    queue_config:
      retry_on_http_429: true # without it, what exceeds a rate or a quota is dropped
`
}

// vmagentScript gives vmagent a file, since other users can see command lines.
func vmagentScript(o Onboarding) string {
	return `exec vmagent -remoteWrite.url=` + o.RemoteWriteURL + ` \
  -remoteWrite.bearerTokenFile=` + KeyFile + ` "$@"
`
}

func alloyConfig(o Onboarding) string {
	return `// Scrapers forward to it: forward_to = [prometheus.remote_write.otelcol_tenant.receiver]
prometheus.remote_write "otelcol_tenant" {
  endpoint {
    url                    = "` + o.RemoteWriteURL + `"
    send_exemplars         = true
    send_native_histograms = true

    authorization {
      type             = "Bearer"
      credentials_file = "` + KeyFile + `"
    }

    // The same with basic authentication, in place of authorization:
    // basic_auth {
    //   username      = "` + string(o.Tenant) + `"
    //   password_file = "` + KeyFile + `"
    // }

    queue_config {
      retry_on_http_429 = true
    }
  }
}
`
}

func alloyLogsConfig(o Onboarding) string {
	return `// Sources forward to it: forward_to = [loki.write.otelcol_tenant.receiver]
loki.write "otelcol_tenant" {
  endpoint {
    url = "` + o.LokiURL + lokiPushPath + `"

    authorization {
      type             = "Bearer"
      credentials_file = "` + KeyFile + `"
    }

    // The same with basic authentication, in place of authorization:
    // basic_auth {
    //   username      = "` + string(o.Tenant) + `"
    //   password_file = "` + KeyFile + `"
    // }
  }
}
`
}

// nodeUsage says how an application uses a file of Node.js and gets the key.
func nodeUsage(file string) string {
	return `// OTELCOL_TENANT_KEY=$(cat ` + KeyFile + `) node app.js
// In app.js: const logger = require('./` + file + `');

`
}

// winstonLoki has no labels with quotes or backslashes in them, which winston-loki would
// not escape with json: false.
func winstonLoki(o Onboarding) string {
	return nodeUsage("winston-loki.cjs") + `const winston = require('winston');
const LokiTransport = require('winston-loki');

// Lines that the gateway rejects or cannot take stay in memory and are sent again each minute.
module.exports = winston.createLogger({
  transports: [
    new LokiTransport({
      host: '` + o.LokiURL + `',
      headers: { Authorization: ` + "`Bearer ${process.env.OTELCOL_TENANT_KEY}`" + ` },
      json: true,
      labels: { service_name: process.env.OTEL_SERVICE_NAME || 'app' },
      onConnectionError: err => console.error(String(err)),
    }),
  ],
});
`
}

func pinoLoki(o Onboarding) string {
	return nodeUsage("pino-loki.cjs") + `const pino = require('pino');

// pino-loki sends nothing again: lines that the gateway rejects or cannot take are lost.
module.exports = pino({
  transport: {
    target: 'pino-loki',
    options: {
      host: '` + o.LokiURL + `',
      headers: { Authorization: ` + "`Bearer ${process.env.OTELCOL_TENANT_KEY}`" + ` },
      labels: { service_name: process.env.OTEL_SERVICE_NAME || 'app' },
    },
  },
});
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

// OnboardingView is the snippets of [Onboarding.Snippets] as one document.
type OnboardingView struct {
	Tenant           string `json:"tenant"`
	KeyID            string `json:"key_id,omitempty"`
	AgentEnv         string `json:"agent_env"`
	AppEnv           string `json:"app_env"`
	OTLPEnv          string `json:"otlp_env"`
	TestScript       string `json:"test_script"`
	GatewayKey       string `json:"gateway_key"`
	PrometheusConfig string `json:"prometheus_config,omitempty"`
	VMAgentScript    string `json:"vmagent_script,omitempty"`
	AlloyConfig      string `json:"alloy_config,omitempty"`
	AlloyLogsConfig  string `json:"alloy_logs_config,omitempty"`
	WinstonLoki      string `json:"winston_loki,omitempty"`
	PinoLoki         string `json:"pino_loki,omitempty"`
}

// View returns the snippets as one document. keyID is the ID of the key that was
// created for them; it may be empty.
func (o Onboarding) View(keyID string) OnboardingView {
	text := func(name string) string {
		s, _ := SnippetByName(name)
		if o.excludes(s) {
			return ""
		}
		return s.Text(o)
	}
	return OnboardingView{
		Tenant: string(o.Tenant), KeyID: keyID,
		AgentEnv: text("agent"), AppEnv: text("app"), OTLPEnv: text("otlp"), TestScript: text("test"),
		GatewayKey: text("key"), PrometheusConfig: text("prometheus"), VMAgentScript: text("vmagent"), AlloyConfig: text("alloy"),
		AlloyLogsConfig: text("alloy-logs"), WinstonLoki: text("winston-loki"), PinoLoki: text("pino-loki"),
	}
}
