package main

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// check refuses what no agent or SDK can use, and text that would be read as
// something else in a file for systemd, Docker or a shell.
func (s *onboardSettings) check() error {
	if s.gateway == "" {
		return usagef("--endpoint is required: the URL under which agents and applications reach the gateway, such as https://gateway.example:4318")
	}
	gateway, err := checkEndpoint(s.gateway)
	if err != nil {
		return err
	}
	s.gateway = gateway
	for _, v := range []struct{ flag, value string }{{"--deploy-env", s.env}, {"--pm2-home", s.pm2Home}} {
		if strings.ContainsAny(v.value, "\"\\$`\r\n\x00") {
			return usagef("%s must not have quotes, backslashes, $, ` or line breaks", v.flag)
		}
	}
	return nil
}

// checkEndpoint returns the endpoint without a slash at its end.
func checkEndpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") || strings.ContainsAny(text, "\"'\\$`{}<> \t\r\n") || !validHostPort(u) {
		return "", usagef("--endpoint: must be a URL such as https://gateway.example:4318")
	}
	if strings.Trim(u.Path, "/") != "" {
		return "", usagef("--endpoint: must have no path, not %s: agents and SDKs append /v1/logs and its like themselves", u.Path)
	}
	if u.Scheme == "http" && !loopbackHost(u.Hostname()) {
		return "", usagef("--endpoint: http sends the key in clear text: use https://%s; http is for loopback addresses only", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

// validHostPort tells whether the host has only characters of a host name or an
// IP address, and the port, if there is one, is a port.
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
