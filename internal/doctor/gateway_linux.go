// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

const (
	// clockWarn is more than the error of a clock that is synchronized.
	clockWarn = 10 * time.Second

	// clockFail is a difference with which searches of the last minutes do not find records.
	clockFail = 5 * time.Minute

	// certificateWarn is how long before its end a certificate is reported.
	certificateWarn = 7 * 24 * time.Hour
)

// gateway is one destination that is examined.
type gateway struct {
	*examination
	d     *agentinstall.Destination
	url   *url.URL
	proxy *url.URL // nil: none is used
	tls   *tls.Config
}

// gateways examines the way to each destination, step by step. After a step that fails, later ones would only
// repeat it.
func (x *examination) gateways(ctx context.Context) {
	for i := range x.agent.Destinations {
		g := &gateway{examination: x, d: &x.agent.Destinations[i]}
		first := len(x.all)
		for _, step := range []func(context.Context) bool{g.endpoint, g.findProxy, g.dns, g.tcp, g.trust, g.clock, g.answers} {
			if ctx.Err() != nil || !step(ctx) {
				break
			}
		}
		for j := first; j < len(x.all); j++ {
			x.all[j].endpoint = g.d.Endpoint
		}
	}
}

// endpoint checks the form of the URL.
func (g *gateway) endpoint(context.Context) bool {
	const id, form = "gateway.endpoint", "Set GATEWAY_ENDPOINT to a URL such as https://gateway.example:4318, and restart the agent."
	text := g.d.Endpoint
	u, err := url.Parse(text)
	switch {
	case text == "":
		g.fail(id, "GATEWAY_ENDPOINT", "There is no address of a gateway", form)
		return false
	case err != nil || u.Host == "" || u.Hostname() == "":
		g.fail(id, text, "The address is not a URL with a scheme and a host", form)
		return false
	case u.Scheme != "https" && u.Scheme != "http":
		g.fail(id, text, "The address begins with "+u.Scheme+"://, not with https://", form)
		return false
	}
	g.url = u
	switch {
	case u.User != nil:
		g.fail(id, u.Redacted(), "The address contains a user, which is not used", form)
	case u.Scheme == "http" && !isLoopback(u.Hostname()) && g.d.HasAuth && !g.d.SendInsecure:
		g.fail(id, text, "The agent does not send the key, because the address has no TLS and is not on this machine", "Begin GATEWAY_ENDPOINT with https://, or set `extensions::bearer_key_auth::client::insecure: true` if the network is trusted.")
		return false
	case u.Port() == "4317":
		g.warn(id, text, "The port 4317 is usually that of OTLP over gRPC, and the agent sends over HTTP", "Use the port of OTLP over HTTP, usually 4318.")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1/logs"):
		g.fail(id, text, "The address contains the path of a signal, which the agent appends itself", "Remove the path from GATEWAY_ENDPOINT.")
	default:
		g.ok(id, text, "The address has the right form")
	}
	return true
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// findProxy reports the proxy that the agent uses.
func (g *gateway) findProxy(context.Context) bool {
	const id = "gateway.proxy"
	if g.d.ProxyURL != "" {
		u, err := url.Parse(g.d.ProxyURL)
		if err != nil || u.Host == "" {
			g.fail(id, "proxy_url", "The address of the proxy is not a URL", "Correct proxy_url of the destination.")
			return false
		}
		g.proxy = u
	} else {
		get := func(names ...string) string {
			for _, name := range names {
				if value := g.vars[name]; value != "" {
					return value
				}
			}
			return ""
		}
		cfg := &httpproxy.Config{
			HTTPProxy: get("HTTP_PROXY", "http_proxy"), HTTPSProxy: get("HTTPS_PROXY", "https_proxy"),
			NoProxy: get("NO_PROXY", "no_proxy"), CGI: get("REQUEST_METHOD") != "",
		}
		proxy, err := cfg.ProxyFunc()(g.url)
		if err != nil {
			g.fail(id, "HTTPS_PROXY", "The address of the proxy is not a URL", "Correct the variable in the environment of the agent.")
			return false
		}
		g.proxy = proxy
	}
	if g.proxy == nil {
		g.otherProxy()
		return true
	}
	g.ok(id, g.proxy.Redacted(), "The agent connects through this proxy. NO_PROXY in its environment is "+quoted(cmp.Or(g.vars["NO_PROXY"], g.vars["no_proxy"])))
	return true
}

// otherProxy reports a proxy in the environment of this command that the service does not have.
func (g *gateway) otherProxy() {
	const id = "gateway.proxy"
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if os.Getenv(name) != "" {
			g.add(Finding{ID: id, Severity: finding.OK, Subject: name, Message: "The variable is set for this command and not for the agent, which connects directly. If the gateway is only reachable through the proxy, set it in /etc/otelcol-tenant/agent.env too"})
			return
		}
	}
	g.ok(id, "HTTPS_PROXY", "The agent uses no proxy")
}

func quoted(text string) string {
	if text == "" {
		return "not set"
	}
	return `"` + text + `"`
}

// target returns the host and the port to which the agent connects first.
func (g *gateway) target() (host, port string) {
	u := g.url
	if g.proxy != nil {
		u = g.proxy
	}
	port = u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return u.Hostname(), port
}

// dns resolves the name of the gateway or the proxy.
func (g *gateway) dns(ctx context.Context) bool {
	const id = "gateway.dns"
	host, _ := g.target()
	if _, err := netip.ParseAddr(host); err == nil {
		g.ok(id, host, "The address is a number and needs no name resolution")
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, g.set.Timeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		var e *net.DNSError
		message := "The name cannot be resolved: " + err.Error()
		if errors.As(err, &e) && e.IsNotFound {
			message = "The name does not exist"
		}
		g.fail(id, host, message, "Correct the name in GATEWAY_ENDPOINT, or the name resolution of this machine (/etc/resolv.conf).")
		return false
	}
	g.ok(id, host, "The name resolves to "+strings.Join(addresses[:min(len(addresses), 4)], ", "))
	return true
}

// tcp connects to the gateway or the proxy.
func (g *gateway) tcp(ctx context.Context) bool {
	const id = "gateway.tcp"
	host, port := g.target()
	address := net.JoinHostPort(host, port)
	conn, err := (&net.Dialer{Timeout: g.set.Timeout}).DialContext(ctx, "tcp", address)
	switch {
	case err == nil:
		g.ok(id, address, "The connection works, from "+conn.LocalAddr().String())
		_ = conn.Close()
		return true
	case isTimeout(err):
		g.fail(id, address, fmt.Sprintf("No answer within %v", g.set.Timeout), "Check that a firewall permits connections from this machine to the port, and that the address is right.")
	case strings.Contains(err.Error(), "connection refused"):
		g.fail(id, address, "The connection is refused: nothing listens there", "Check the port in GATEWAY_ENDPOINT, and that the gateway runs.")
	default:
		g.fail(id, address, "There is no connection: "+err.Error(), "Check the address in GATEWAY_ENDPOINT, routes and firewalls.")
	}
	return false
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// client returns an HTTP client that connects as the agent does. Without verify it trusts any certificate;
// no key may be sent with it.
func (g *gateway) client(verify bool) *http.Client {
	cfg := g.tls.Clone()
	if !verify {
		cfg = &tls.Config{InsecureSkipVerify: true, ServerName: cfg.ServerName} //nolint:gosec // sends no secret
	}
	tr := &http.Transport{
		Proxy:           http.ProxyURL(g.proxy),
		TLSClientConfig: cfg, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: g.set.Timeout,
	}
	return &http.Client{
		Transport: tr, Timeout: g.set.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// trust checks the certificate of the gateway.
func (g *gateway) trust(ctx context.Context) bool {
	const id = "gateway.tls"
	g.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: g.d.TLSName, InsecureSkipVerify: g.d.Insecure} //nolint:gosec // as the agent
	if g.d.CAFile != "" {
		pem, err := os.ReadFile(g.path(g.d.CAFile))
		pool := x509.NewCertPool()
		if err == nil && !pool.AppendCertsFromPEM(pem) {
			err = errors.New("it contains no certificate")
		}
		if err != nil {
			g.fail(id, g.d.CAFile, "The file of certificate authorities cannot be used: "+err.Error(), "Correct tls::ca_file of the destination.")
			return false
		}
		g.tls.RootCAs = pool
	}
	if g.url.Scheme != "https" {
		g.ok(id, g.url.Host, "The address has no TLS")
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base()+"/", http.NoBody)
	if err != nil {
		g.fail(id, g.url.Host, err.Error(), "Correct GATEWAY_ENDPOINT.")
		return false
	}
	req.Header.Set("User-Agent", "tenantctl-doctor/"+cmp.Or(g.set.Version, "dev")) // the gateway does not count it as a sender without a key
	resp, err := g.client(true).Do(req)
	if err == nil {
		defer resp.Body.Close()
		g.certificate(resp.TLS)
		return true
	}
	g.untrusted(ctx, err)
	return false
}

// base returns the endpoint without a slash at its end.
func (g *gateway) base() string { return strings.TrimRight(g.d.Endpoint, "/") }

// certificate reports a certificate that is trusted.
func (g *gateway) certificate(state *tls.ConnectionState) {
	const id = "gateway.tls"
	if state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	end := state.PeerCertificates[0].NotAfter
	switch {
	case g.d.Insecure:
		g.warn(id, g.url.Host, "The agent does not verify the certificate, so the key may go to another server", "Remove `tls::insecure_skip_verify`, and set `tls::ca_file` if the authority is your own.")
	case end.Sub(g.set.Now()) < certificateWarn:
		g.warn(id, g.url.Host, "The certificate expires on "+end.UTC().Format(time.RFC3339), "Renew the certificate of the gateway.")
	default:
		g.ok(id, g.url.Host, "The certificate is trusted, and valid until "+end.UTC().Format(time.RFC3339))
	}
}

// untrusted names why there is no trusted connection.
func (g *gateway) untrusted(ctx context.Context, err error) {
	const id = "gateway.tls"
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	subject := g.url.Host
	now := g.set.Now().UTC()
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		g.fail(id, subject, fmt.Sprintf("The certificate is valid from %s, and this machine's clock shows %s", invalid.Cert.NotBefore.UTC().Format(time.RFC3339), now.Format(time.RFC3339)), "Correct the clock of this machine (see gateway.clock), or the certificate of the gateway.")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		g.fail(id, subject, fmt.Sprintf("The certificate expired on %s; this machine's clock shows %s", invalid.Cert.NotAfter.UTC().Format(time.RFC3339), now.Format(time.RFC3339)), "Renew the certificate of the gateway. If the clock of this machine is wrong, correct it.")
	case errors.As(err, &name):
		g.fail(id, subject, "The certificate is for other names: "+strings.Join(namesOf(name.Certificate), ", "), "Use one of these names in GATEWAY_ENDPOINT, or a certificate with the name "+g.url.Hostname()+".")
	case errors.As(err, &authority):
		issuer := "unknown"
		if authority.Cert != nil {
			issuer = authority.Cert.Issuer.String()
		}
		g.fail(id, subject, "The certificate is not from an authority that this machine trusts; its issuer is "+issuer, "Install the authority (update-ca-certificates), or set `tls::ca_file` of the destination. If a proxy decrypts connections, its authority is needed.")
	case errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		g.fail(id, subject, "The server answers without TLS", "Begin GATEWAY_ENDPOINT with http:// if the gateway is on this machine. Otherwise use the port of the gateway that has TLS.")
	case isTimeout(err):
		g.fail(id, subject, fmt.Sprintf("The connection works, and then there is no answer within %v", g.set.Timeout), "Check the gateway, and proxies and firewalls between.")
	case g.proxy != nil:
		g.fail(id, subject, "The proxy does not connect to the gateway: "+reason(err), "Correct the proxy, or add the gateway to NO_PROXY.")
	default:
		g.fail(id, subject, "There is no TLS connection: "+reason(err), "Check the port in GATEWAY_ENDPOINT, and the certificate of the gateway.")
	}
	var cert x509.CertificateInvalidError
	if errors.As(err, &cert) {
		g.clockOf(ctx, false)
	}
}

func namesOf(c *x509.Certificate) []string {
	if c == nil {
		return nil
	}
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names[:min(len(names), 8)]
}

// reason returns the text of an error without the method and the URL.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// clock compares the clocks.
func (g *gateway) clock(ctx context.Context) bool {
	g.clockOf(ctx, true)
	return true
}

// clockOf compares this machine's clock with the Date header of an answer to a request without a key.
func (g *gateway) clockOf(ctx context.Context, verified bool) {
	const id = "gateway.clock"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base()+"/", http.NoBody)
	if err != nil {
		return
	}
	req.Header.Set("User-Agent", "tenantctl-doctor/"+cmp.Or(g.set.Version, "dev"))
	before := g.set.Now()
	resp, err := g.client(verified).Do(req)
	if err != nil {
		return // the request with the key reports it
	}
	defer resp.Body.Close()
	after := g.set.Now()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		g.warn(id, g.url.Host, "The answer has no date, so the clocks cannot be compared", "Check with `timedatectl` that the clock of this machine is synchronized.")
		return
	}
	// The header has whole seconds.
	middle := before.Add(after.Sub(before) / 2)
	off := middle.Sub(date.Add(500 * time.Millisecond))
	allowed := after.Sub(before)/2 + time.Second
	size, direction := off.Abs(), "ahead of"
	if off < 0 {
		direction = "behind"
	}
	message := fmt.Sprintf("The clock of this machine is %v %s that of the gateway (%s here, %s there)", size.Round(time.Second), direction, middle.UTC().Format(time.RFC3339), date.UTC().Format(time.RFC3339))
	const fix = "Synchronize the clock of the machine that is wrong: `timedatectl set-ntp true`. Until then records have the wrong time, and searches of the last minutes do not find them."
	switch {
	case size > clockFail:
		g.fail(id, g.url.Host, message, fix)
	case size > clockWarn+allowed:
		g.warn(id, g.url.Host, message, fix)
	default:
		g.ok(id, g.url.Host, "The clocks of this machine and of the gateway agree")
	}
}

// passwordOf returns the password in a URL.
func passwordOf(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		p, _ := u.User.Password()
		return p
	}
	return ""
}
