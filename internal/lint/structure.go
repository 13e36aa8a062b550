// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

func structureRules() []Rule {
	return []Rule{
		{
			ID: "OT001", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "tenant_routing without a tenant processor",
			Why:   "The tenant processor sets the tenant of data. Without it, all data is rejected, or has the tenant that the sender claims.",
			Fix:   "Add a tenant processor to the pipeline.",
			check: checked(configcheck.NoTenant),
		},
		{
			ID: "OT002", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "Requests are merged between tenant and tenant_routing",
			Why:   "Processors such as batch merge requests of several tenants after they were acknowledged. When one of the tenants is suspended or over its limits, the data of the others is lost with it.",
			Fix:   "Remove the component. tenant_routing merges requests by tenant itself (lane::batch).",
			check: checked(configcheck.MergesBehindTenant),
		},
		{
			ID: "OT003", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "Requests are merged in front of tenant",
			Why:   "Processors such as batch drop the identity of the client, so a tenant processor with source: auth rejects all data, even with metadata_keys.",
			Fix:   "Put the tenant processor first, or remove the component.",
			check: checked(configcheck.MergesBeforeTenant),
		},
		{
			ID: "OT004", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "A receiver without an authenticator in front of source: auth",
			Why:   "No request has a tenant, so all data of the receiver is rejected.",
			Fix:   "Set auth::authenticator to a bearer_key_auth extension, or use source: config in a separate pipeline.",
			check: checked(configcheck.NoAuthenticator),
		},
		{
			ID: "OT005", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "migrate_queues names an exporter that is in use",
			Why:   "The queue of an exporter cannot be migrated while the exporter writes to it.",
			Fix:   "Remove the exporter from the pipelines, or from migrate_queues.",
			check: checked(configcheck.QueueInUse),
		},
		{
			ID: "OT006", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "An endpoint without the right scheme",
			Why:   "Data cannot be sent to it.",
			Fix:   "Write http:// or https:// for HTTP.",
			check: checked(configcheck.EndpointScheme),
		},
		{
			ID: "OT007", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "An endpoint with a path that does not fit",
			Why:   "The paths of signals are added to an endpoint of OTLP over HTTP, and gRPC has no paths. The server answers 404.",
			Fix:   "Remove the path, or set the endpoint of the signal, such as logs_endpoint, to the whole URL.",
			check: checked(configcheck.EndpointPath),
		},
		{
			ID: "OT008", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "A port from a service link of Kubernetes",
			Why:   "Kubernetes sets a variable such as METRICS_PORT to an address if the namespace has a Service of that name.",
			Fix:   "Set the variable in the pod to a port, or enableServiceLinks to false.",
			check: checked(configcheck.ServiceLink),
		},
		{
			ID: "OT009", Family: FamilyStructure, Severity: finding.Error, Refused: true,
			Title: "direct skips a part of the pipeline",
			Why:   "A request that tenant_otlp does not decode goes from the receiver to tenant_routing. Other processors, exporters and connectors of the pipeline would not see it.",
			Fix:   "Remove them from the pipelines of the receiver, or set direct to off.",
			check: checked(configcheck.DirectSkips),
		},
		{
			ID: "OT010", Family: FamilyStructure, Severity: finding.Warning,
			Title: "An endpoint with the port of the other protocol",
			Why:   "Servers receive OTLP over gRPC on port 4317 and over HTTP on port 4318.",
			Fix:   "Use the other port, or an exporter of the other protocol.",
			check: checked(configcheck.EndpointPort),
		},
		{
			ID: "OT011", Family: FamilyStructure, Severity: finding.Warning,
			Title: "An endpoint with a path that is probably wrong",
			Why:   "The backend answers 404, and the data waits in the queue until the endpoint is correct.",
			Fix:   "Correct the path as the message says.",
			check: checked(configcheck.EndpointDoubtful),
		},
		{
			ID: "OT012", Family: FamilyStructure, Severity: finding.Warning,
			Title: "A receiver on the port of the other protocol",
			Why:   "Clients send OTLP over gRPC to port 4317 and over HTTP to port 4318.",
			Fix:   "Use the port of the protocol.",
			check: checked(configcheck.ReceiverPort),
		},
		{
			ID: "OT013", Family: FamilyStructure, Severity: finding.Error,
			Title: "An extension that is used is not enabled",
			Why:   "The collector does not start if a component refers to an extension that service::extensions does not name. The validate command does not find this.",
			Fix:   "Define the extension under extensions, and add it to service::extensions.",
			check: checkExtensions,
		},
		{
			ID: "OT014", Family: FamilyStructure, Severity: finding.Warning,
			Title: "A component that is not used",
			Why:   "The collector ignores a component that no pipeline names, and an extension that service::extensions does not name. What it should do does not happen.",
			Fix:   "Use the component, or remove it.",
			check: checkUnused,
		},
		{
			ID: "OT015", Family: FamilyStructure, Severity: finding.Warning,
			Title: "An extension that is enabled, but not referred to",
			Why:   "Authenticators, guards, registries and storage have an effect only in the components that refer to them.",
			Fix:   "Refer to the extension, such as under auth::authenticator or storage, or remove it.",
			check: checkIdleExtensions,
		},
		{
			ID: "OT016", Family: FamilyStructure, Severity: finding.Error,
			Title: "Two servers on one port",
			Why:   "The second one cannot listen, so the collector does not start. The validate command does not find this.",
			Fix:   "Use another port.",
			check: checkPorts,
		},
		{
			ID: "OT017", Family: FamilyStructure, Severity: finding.Warning,
			Title: "An unknown connector between tenant and tenant_routing",
			Why:   "If a connector merges, delays or generates data, data that it has acknowledged can be lost.",
			Fix:   "Move the connector in front of the tenant processor, or into a pipeline of its own.",
			check: checked(configcheck.UnknownConnector),
		},
	}
}

// use is a reference to an extension.
type use struct {
	id  string
	key string // of the setting that has it
	at  *value
}

// extensionUses returns the references of the components in use to extensions, with those that are
// defaults.
func (c *config) extensionUses() (all []use) {
	add := func(id, key string, at *value) {
		if id != "" {
			all = append(all, use{strings.TrimSpace(id), key, at})
		}
	}
	for _, section := range []string{"receivers", "processors", "exporters", "connectors", "extensions"} {
		for _, id := range c.used(section) {
			set, key := c.root.at(section, id), section+"::"+id
			set.walk(func(path []string, v *value) {
				name, full := path[len(path)-1], key+"::"+strings.Join(path, "::")
				switch {
				case name == "authenticator",
					name == "storage" && v.kind == kindScalar,
					name == "guard" && guarded(id) && v.text() != "built_in",
					name == "registry" && ours(section, id) && len(path) == 1:
					if v.kind == kindScalar {
						add(v.text(), full, v)
					}
				case name == "id" && len(path) > 1 && path[len(path)-2] == "middlewares":
					add(v.text(), full, v)
				}
			})
			switch {
			case section == "receivers" && guarded(id) && !set.at("guard").isSet():
				add(DefaultGuard, key+"::guard", c.locate(key))
			case section == "processors" && typeOf(id) == typeTenant && set.at("source").text() == "auth" && !set.at("registry").isSet():
				add(DefaultRegistry, key+"::registry", c.locate(key))
			}
		}
	}
	return all
}

// Defaults that the rules depend on. Tests of the components compare them.
const (
	// DefaultGuard is that of the setting "guard" of the receivers that have it.
	DefaultGuard = "request_guard"
	// DefaultRegistry is that of the setting "registry" of tenant with source: auth.
	DefaultRegistry = "tenant_registry"
)

// guarded reports whether receivers of the type of id have the setting "guard".
func guarded(id string) bool {
	return slices.Contains([]string{"tenantotlp", "prometheusremotewrite", "lokipush"}, typeOf(id))
}

// ours reports whether a component has a setting "registry" that names an extension.
func ours(section, id string) bool {
	switch section {
	case "processors":
		return typeOf(id) == typeTenant
	case "exporters":
		return typeOf(id) == typeRouting
	case "extensions":
		return typeOf(id) == typeKeyAuth || typeOf(id) == typeGuard
	}
	return false
}

func checkExtensions(c *config, report reporter) {
	if c.isPart() {
		return
	}
	for _, u := range c.extensionUses() {
		if c.enabled(u.id) {
			continue
		}
		how := "which is not under extensions; define it, and add it to service::extensions"
		if c.root.at("extensions", u.id) != nil {
			how = "which is not in service::extensions; add it"
		}
		what := "is"
		if c.root.at(strings.Split(u.key, "::")...) == nil && u.at.kind != kindScalar {
			what = "is not set and defaults to"
		}
		report(u.at, u.key, "%s %s, %s", what, u.id, how)
	}
	extensions := c.root.at("service", "extensions")
	for _, item := range extensions.list() {
		if id := item.text(); id != "" && c.root.at("extensions", id) == nil {
			report(item, "service::extensions", "names %s, which is not under extensions", id)
		}
	}
}

func checkUnused(c *config, report reporter) {
	if c.isPart() {
		return
	}
	for _, section := range []string{"receivers", "processors", "exporters", "connectors", "extensions"} {
		used := c.used(section)
		for _, id := range c.root.at(section).names() {
			if slices.Contains(used, id) {
				continue
			}
			where := "no pipeline names it"
			if section == "extensions" {
				if slices.ContainsFunc(c.extensionUses(), func(u use) bool { return u.id == id }) {
					continue // OT013
				}
				where = "service::extensions does not name it"
			}
			report(c.root.at(section, id), section+"::"+id, "is not used: %s", where)
		}
	}
}

func checkIdleExtensions(c *config, report reporter) {
	if c.isPart() {
		return
	}
	uses := c.extensionUses()
	for _, id := range c.used("extensions") {
		key := "extensions::" + id
		switch typeOf(id) {
		case typeKeyAuth, typeRegistry, "filestorage":
		case typeGuard: // it also sets the memory limit of the runtime
			continue
		default:
			continue
		}
		if !slices.ContainsFunc(uses, func(u use) bool { return u.id == id }) {
			report(c.root.at("extensions", id), key, "is enabled, but no component that is in use refers to it")
		}
	}
}

func checkPorts(c *config, report reporter) {
	for i := range c.listeners {
		b := &c.listeners[i]
		if !fixedPort(b) {
			continue
		}
		for j := range i {
			a := &c.listeners[j]
			if !fixedPort(a) || a.udp != b.udp || a.port != b.port || !overlap(a, b) {
				continue
			}
			report(b.at, b.key+"::endpoint", "listens on port %s, as %s does", b.port, a.key)
			break
		}
	}
}

func fixedPort(l *listener) bool { return l.port != "" && l.port != "0" && l.reach != reachUnknown }

func overlap(a, b *listener) bool {
	normal := func(l *listener) string {
		if l.host == "localhost" {
			return "127.0.0.1"
		}
		return l.host
	}
	return a.reach == reachAll || b.reach == reachAll || normal(a) == normal(b)
}
