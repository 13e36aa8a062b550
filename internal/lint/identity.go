// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func identityRules() []Rule {
	return []Rule{
		{
			ID: "OT201", Family: FamilyIdentity, Severity: finding.Error,
			Title: "A receiver without authentication is reachable from other machines",
			Why:   "Everyone who reaches the port can send. On an agent, the data is the tenant's; elsewhere, it has the tenant that the sender claims, or none.",
			Fix:   "Set auth::authenticator, or tls::client_ca_file for client certificates, or listen on loopback.",
			roles: []Role{RoleAgent, RoleGateway},
			check: checkUnauthenticated,
		},
		{
			ID: "OT202", Family: FamilyIdentity, Severity: finding.Error,
			Title: "source: config behind a receiver whose clients have keys",
			Why:   "All data gets the tenant of the configuration, whichever tenant's key a request has. Data of one tenant reaches the store of another.",
			Fix:   "Set source: auth.",
			check: checkSource,
		},
		{
			ID: "OT203", Family: FamilyIdentity, Severity: finding.Error,
			Title: "The tenant is taken from a header or from the data",
			Why:   "Senders choose headers and attributes, so each can send as any tenant.",
			Fix:   "Use bearer_key_auth and a tenant processor with source: auth, which take the tenant from the key.",
			check: checkHeaderTenant,
		},
		{
			ID: "OT204", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "The tenant's attribute is changed behind the tenant processor",
			Why:   "tenant_routing compares the attribute with the identity of the client and rejects data of another tenant. Without a client, as on an agent, the data reaches another tenant.",
			Fix:   "Put the processor in front of the tenant processor, or do not change the attribute.",
			check: checkChangedTenant,
		},
		{
			ID: "OT205", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "include_metadata makes the headers of senders available",
			Why:   "Headers are what a sender writes. Components that use them, such as batch with metadata_keys, follow what the sender claims. bearer_key_auth removes them again.",
			Fix:   "Remove include_metadata.",
			check: checkIncludeMetadata,
		},
		{
			ID: "OT206", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "An authenticator that is not known to set the tenant",
			Why:   "A tenant processor with source: auth rejects requests without a tenant.",
			Fix:   "Use bearer_key_auth.",
			check: checked(configcheck.UnknownAuthenticator),
		},
		{
			ID: "OT207", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "Messages over gRPC are read before the key is checked",
			Why:   "A client without a key makes the receiver read and decode its messages.",
			Fix:   "Use the receiver tenant_otlp, or add {id: bearer_key_auth} to middlewares.",
			check: checked(configcheck.LateAuthentication),
		},
		{
			ID: "OT208", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "A receiver without request_guard",
			Why:   "Requests are decompressed and decoded before any limit applies, so one request can exhaust the memory of the process.",
			Fix:   "Use the receiver tenant_otlp, or add {id: request_guard} to middlewares.",
			check: checked(configcheck.NoGuard),
		},
		{
			ID: "OT209", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "Requests are admitted twice",
			Why:   "Each request counts twice against the limits of the guard.",
			Fix:   "Remove {id: request_guard} from middlewares, or all but one of them.",
			check: checked(configcheck.GuardedTwice),
		},
		{
			ID: "OT210", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "A guard without a registry",
			Why:   "Requests of a tenant that was suspended after its key was checked are read and decoded before they are rejected.",
			Fix:   "Set registry of the request_guard extension.",
			check: checked(configcheck.GuardWithoutRegistry),
		},
		{
			ID: "OT211", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "Several guards",
			Why:   "Each guard has separate limits, so one tenant may use its share of every guard.",
			Fix:   "Use one request_guard for all receivers.",
			check: checked(configcheck.SeveralGuards),
		},
		{
			ID: "OT212", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "Several registries",
			Why:   "A tenant, a key or a suspension in only one of them applies to only some of the components.",
			Fix:   "Use one registry.",
			check: checked(configcheck.SeveralRegistries),
		},
		{
			ID: "OT213", Family: FamilyIdentity, Severity: finding.Warning,
			Title: "A receiver accepts larger bodies than its guard",
			Why:   "A tenant may use five eighths of request_guard::memory, from which the body and its buffers are taken. A body that does not fit is rejected with 413, however large the receiver's limit is.",
			Fix:   "Raise request_guard::memory or tenant::memory, or lower the limit of the receiver.",
			check: checkBodySizes,
		},
		{
			ID: "OT214", Family: FamilyIdentity, Severity: finding.Error,
			Title: "Every client is a trusted proxy",
			Why:   "A client can choose its address: source_cidrs of keys, limits per source and the audit log have no effect.",
			Fix:   "List only the addresses of proxies.",
			check: checkTrustedProxies,
		},
		{
			ID: "OT215", Family: FamilyIdentity, Severity: finding.Error,
			Title: "Every web page may send",
			Why:   "Any page that a user opens can send data from the user's browser, also to a receiver on loopback.",
			Fix:   "List the origins of your own pages. Keys of browsers need origins in the registry too.",
			check: checkCORS,
		},
		{
			ID: "OT216", Family: FamilyIdentity, Severity: finding.Note, roles: []Role{roleOther},
			Title: "A collector without tenants whose receiver has no authentication",
			Why:   "Everyone who reaches the port can send. That is acceptable for a collector that only a gateway can reach, such as in a network of Docker Compose.",
			Fix:   "Set auth::authenticator, or let only the gateway reach the port.",
			check: checkUnauthenticated,
		},
	}
}

func checkUnauthenticated(c *config, report reporter) {
	for i := range c.listeners {
		l := &c.listeners[i]
		if l.section != "receivers" || !l.beyondLoopback() || l.set.at("auth", "authenticator").isSet() || l.set.at("tls", "client_ca_file").isSet() {
			continue
		}
		if c.found(configcheck.NoAuthenticator, l.key+"::auth") {
			continue // OT004
		}
		report(l.at, l.key+"::auth", "is not set, and the receiver listens on %s: everyone who reaches the port can send", l.address)
	}
}

// keyed reports whether a receiver has a server that authenticates tenants.
func (c *config) keyed(receiver string) bool {
	for i := range c.listeners {
		l := &c.listeners[i]
		if l.section != "receivers" || l.id != receiver {
			continue
		}
		id := l.set.at("auth", "authenticator").text()
		if typeOf(id) == typeKeyAuth && c.root.at("extensions", id, "registry").isSet() {
			return true
		}
	}
	return false
}

func checkSource(c *config, report reporter) {
	for i := range c.pipelines {
		p := &c.pipelines[i]
		receiver := slices.IndexFunc(p.receivers, c.keyed)
		if receiver < 0 {
			continue
		}
		for _, id := range p.processors {
			source := c.root.at("processors", id, "source")
			if typeOf(id) != typeTenant || source.isSet() && source.text() != "config" {
				continue
			}
			key := "processors::" + id + "::source"
			report(c.locate(key), key, "is config, but clients of %s have keys of tenants: all data gets one tenant", p.receivers[receiver])
		}
	}
}

// actions are the lists of actions of the processors attributes and resource.
func actions(set *value) []*value {
	return slices.Concat(set.at("actions").list(), set.at("attributes").list())
}

// identityKey returns the name of the attribute with the tenant.
func (c *config) identityKeys() []string {
	keys := []string{tenant.AttributeKey}
	for _, id := range c.used("processors") {
		if name := c.root.at("processors", id, "attribute").text(); typeOf(id) == typeTenant && name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

// sets returns the setting of a processor that changes an attribute with the tenant, its path, and
// whether the value comes from the sender.
func (c *config) setsTenant(id string) (at *value, key string, fromSender bool) {
	set, key := c.root.at("processors", id), "processors::"+id
	names := c.identityKeys()
	switch typeOf(id) {
	case "attributes", "resource":
		for _, a := range actions(set) {
			if slices.Contains(names, a.at("key").text()) && !slices.Contains([]string{"delete", "hash", "convert"}, a.at("action").text()) {
				from := a.at("from_context").text()
				return a, key, strings.HasPrefix(from, "metadata.") || from == "client.address" || a.at("from_attribute").isSet()
			}
		}
	case "transform":
		set.walk(func(_ []string, v *value) {
			if text := v.text(); at == nil && strings.Contains(text, "set(") && setsAttribute(text, names) {
				at = v
			}
		})
		return at, key, false
	}
	return nil, "", false
}

// setsAttribute reports whether a statement of OTTL sets one of the attributes.
func setsAttribute(statement string, names []string) bool {
	for _, name := range names {
		if regexp.MustCompile(`set\(\s*[a-z_.]*attributes\["` + regexp.QuoteMeta(name) + `"\]`).MatchString(statement) {
			return true
		}
	}
	return false
}

func checkHeaderTenant(c *config, report reporter) {
	for _, id := range c.used("processors") {
		if at, key, fromSender := c.setsTenant(id); at != nil && fromSender {
			report(at, key, "sets the tenant from what the sender claims")
		}
	}
}

func checkChangedTenant(c *config, report reporter) {
	for i := range c.pipelines {
		p := &c.pipelines[i]
		first := slices.IndexFunc(p.processors, func(id string) bool { return typeOf(id) == typeTenant })
		if first < 0 {
			continue
		}
		for _, id := range p.processors[first+1:] {
			if at, key, fromSender := c.setsTenant(id); at != nil && !fromSender {
				report(at, key, "changes the tenant behind %s", p.processors[first])
			}
		}
	}
}

func checkIncludeMetadata(c *config, report reporter) {
	for i := range c.listeners {
		l := &c.listeners[i]
		if v := l.set.at("include_metadata"); l.section == "receivers" && v.isTrue() {
			report(v, l.key+"::include_metadata", "is true: components can use headers that senders choose")
		}
	}
}

func checkBodySizes(c *config, report reporter) {
	for i := range c.listeners {
		l := &c.listeners[i]
		if l.section != "receivers" || !guarded(l.id) {
			continue
		}
		guard := c.root.at("receivers", l.id, "guard").text()
		if guard == "" {
			guard = DefaultGuard
		}
		set := c.root.at("extensions", guard)
		if set == nil {
			continue
		}
		memory, known := size(set.at("memory"), capacity.MaxMemory) // unset, it is at most that
		share, knownShare := size(set.at("tenant", "memory"), bytesize.Size(capacity.DefaultTenant(int64(memory))))
		if !known || !knownShare {
			continue
		}
		most := bytesize.Size(capacity.LargestBody(capacity.Most(int64(memory), int64(share))))
		name, unit := "max_request_body_size", bytesize.Size(1)
		if l.grpc {
			name, unit = "max_recv_msg_size_mib", bytesize.MiB
		}
		v := l.set.at(name)
		body, known := size(v, 0)
		if body *= unit; known && body > most {
			report(v, l.key+"::"+name, "allows %v, but the memory of %s is enough for at most %v without compression: larger ones are always rejected", body, guard, most.Rounded())
		}
	}
}

// size returns a setting that is a size, or def if it is not set.
func size(v *value, def bytesize.Size) (bytesize.Size, bool) {
	if !v.isSet() {
		return def, true
	}
	var s bytesize.Size
	if err := s.UnmarshalText([]byte(v.text())); err != nil || s == 0 {
		return def, err == nil
	}
	return s, true
}

func checkTrustedProxies(c *config, report reporter) {
	for _, id := range c.used("extensions") {
		if typeOf(id) != typeKeyAuth {
			continue
		}
		for i, item := range c.root.at("extensions", id, "trusted_proxies").list() {
			if text := item.text(); text == "0.0.0.0/0" || text == "::/0" {
				report(item, fmt.Sprintf("extensions::%s::trusted_proxies::%d", id, i), "is %s, which is every address", text)
			}
		}
	}
}

// everyOrigin matches origins that contain pages of others.
var everyOrigin = regexp.MustCompile(`^(\*|null|[a-z*]+://\*(:(\d+|\*))?)$`)

func checkCORS(c *config, report reporter) {
	for i := range c.listeners {
		l := &c.listeners[i]
		for _, item := range l.set.at("cors", "allowed_origins").list() {
			if everyOrigin.MatchString(item.text()) {
				report(item, l.key+"::cors::allowed_origins", "has %s, which every web page matches", item.text())
			}
		}
	}
}
