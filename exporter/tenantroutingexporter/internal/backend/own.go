// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"net/netip"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
)

// Own returns the destination. If tenants' variables choose its host, connections are restricted to public
// networks and allow.
func (d *Destination) Own(allow []netip.Prefix) *Destination {
	own := d.endpoint != nil && d.endpoint.OwnHost()
	for _, t := range d.endpoints {
		own = own || t != nil && t.OwnHost()
	}
	for _, o := range d.others {
		own = own || o.value.OwnHost() // of a proxy
	}
	if own {
		d.guard = &reach.Guard{Allow: allow}
	}
	return d
}

// sensitive reports whether a URL of the tenant contains a secret. Its requests are neither traced nor
// measured, because that would show the URL.
func (d *Destination) sensitive(v template.Values) bool {
	if d.http == nil {
		return false
	}
	is := d.endpoint != nil && d.endpoint.Sensitive(v) || d.host != nil && d.host.Sensitive(v)
	for _, t := range d.endpoints {
		is = is || t != nil && t.Sensitive(v)
	}
	return is
}

// checkHost returns why the host in t is not allowed, as far as that is known before names are resolved.
// Values of references are not checked.
func (d *Destination) checkHost(t *template.Template, v template.Values) error {
	if d.guard == nil || !t.OwnHost() || t.Secret(v) {
		return nil
	}
	text, err := t.Render(v)
	if err != nil {
		return err
	}
	if i := strings.Index(text, "://"); i >= 0 {
		text = strings.TrimPrefix(text[i+3:], "/")
	}
	host, _, _ := strings.Cut(text, "/")
	host, _, _ = strings.Cut(host, "?")
	return d.guard.CheckHost(host)
}
