// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package template

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// checkToken accepts the characters of tenant IDs, which are safe in an element of a path or a host name,
// and do not end one.
func checkToken(value string) error {
	if err := tenant.ID(value).Validate(); err != nil {
		return errors.New(`may hold only letters, digits and !_.*'()- here, and not be "." or ".."`)
	}
	return nil
}

// checkWhole checks the complete text of a setting, after replacement.
func checkWhole(kind Kind, text string) error {
	switch kind {
	case Header:
		return checkHeader(text)
	case ScopeOrgID:
		return tenant.CheckScopeOrgID(text)
	case Account:
		return tenant.CheckAccount(text)
	case URL:
		return checkURL(text)
	case HostPort:
		return checkHostPort(text)
	case Path, File:
		return checkPath(text)
	}
	if strings.ContainsFunc(text, isControl) {
		return errors.New("has a control character")
	}
	return nil
}

func checkHeader(value string) error {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] > 0x7e {
			return errors.New("has a character that is not allowed in a header")
		}
	}
	return nil
}

func checkURL(text string) error {
	if strings.ContainsAny(text, " \\") {
		return errors.New("has a character that is not allowed in a URL")
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("is not a URL") // its own error quotes the text, which may hold a secret
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return errors.New(`must begin with "http://" or "https://"`)
	}
	if u.User != nil {
		return errors.New("must not hold a user name or password; use headers or auth")
	}
	if u.Fragment != "" {
		return errors.New(`must not have a part after "#"`)
	}
	if err := checkHost(u.Host, false); err != nil {
		return err
	}
	for _, element := range strings.Split(u.Path, "/") { // u.Path is decoded
		if element == "." || element == ".." {
			return errors.New(`must not have a path element "." or ".."`)
		}
	}
	if strings.ContainsFunc(u.Path, isControl) {
		return errors.New("has a control character in its path")
	}
	return nil
}

func checkHostPort(text string) error {
	if path, ok := strings.CutPrefix(text, "unix://"); ok {
		if path == "" {
			return errors.New("has no path of a socket")
		}
		return checkPath(path)
	}
	for _, scheme := range []string{"http://", "https://", "dns:///", "passthrough:///"} {
		text = strings.TrimPrefix(text, scheme)
	}
	return checkHost(text, true)
}

// checkOwnTarget rejects targets of a tenant that are not a host: sockets, and schemes with resolvers of
// their own.
func checkOwnTarget(text string) error {
	for _, scheme := range []string{"http://", "https://"} {
		text = strings.TrimPrefix(text, scheme)
	}
	if strings.ContainsAny(text, "/\\") {
		return errors.New("must be host:port, with or without http:// or https://")
	}
	return nil
}

// checkHost accepts a host name, IPv4 address or bracketed IPv6 address with or
// without a port.
func checkHost(hostPort string, needPort bool) error {
	host, port, hasPort := hostPort, "", false
	if i := strings.LastIndexByte(hostPort, ':'); i >= 0 && !strings.HasSuffix(hostPort, "]") {
		host, port, hasPort = hostPort[:i], hostPort[i+1:], true
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if _, err := netip.ParseAddr(inner); !ok || err != nil {
			return errors.New("has no valid IPv6 address")
		}
	} else if host == "" || strings.ContainsFunc(host, func(r rune) bool { return r != '.' && !isNameRune(r) }) {
		return errors.New("has no valid host name")
	}
	if !hasPort && needPort {
		return errors.New("needs a port")
	}
	if hasPort {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("has no valid port")
		}
	}
	return nil
}

func checkPath(text string) error {
	if strings.ContainsFunc(text, isControl) {
		return errors.New("has a control character")
	}
	for _, element := range strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '\\' }) {
		if element == ".." {
			return fmt.Errorf("must not have a path element %q", element)
		}
	}
	return nil
}
