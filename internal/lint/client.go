// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"slices"
	"strings"
)

// client is an address to which a component in use sends data.
type client struct {
	key         string // of the endpoint
	at          *value // the endpoint
	set         *value // the settings with the endpoint
	setKey      string
	address     string
	destination string // of tenant_routing; empty: none
	plaintext   bool
	endpoint
}

// findClients returns the endpoints of exporters in use, of the destinations of tenant_routing and
// of the collector's own telemetry, as far as they are known.
func findClients(c *config) (all []client) {
	for _, id := range c.used("exporters") {
		set, key := c.root.at("exporters", id), "exporters::"+id
		switch typeOf(id) {
		case typeRouting:
			destinations := set.at("destinations")
			for _, name := range destinations.names() {
				key := key + "::destinations::" + name
				http := clientsOf(destinations.at(name, "otlp_http"), key+"::otlp_http", false)
				grpc := clientsOf(destinations.at(name, "otlp_grpc"), key+"::otlp_grpc", true)
				for _, cl := range slices.Concat(http, grpc) {
					cl.destination = name
					all = append(all, cl)
				}
			}
		case "otlp", "otlpgrpc":
			all = append(all, clientsOf(set, key, true)...)
		default:
			all = append(all, clientsOf(set, key, false)...)
		}
	}
	telemetry := c.root.at("service", "telemetry")
	telemetry.walk(func(path []string, v *value) {
		if path[len(path)-1] == "endpoint" && v.text() != "" {
			all = append(all, newClient(v, nil, "service::telemetry::"+strings.Join(path, "::"), false))
		}
	})
	return all
}

func clientsOf(set *value, key string, grpc bool) (all []client) {
	for _, name := range set.names() {
		if name != "endpoint" && name != "endpoints" && !strings.HasSuffix(name, "_endpoint") {
			continue
		}
		for _, at := range set.at(name).list() {
			if at.text() != "" {
				cl := newClient(at, set, key+"::"+name, grpc)
				cl.setKey = key
				all = append(all, cl)
			}
		}
	}
	return all
}

func newClient(at, set *value, key string, grpc bool) client {
	cl := client{key: key, at: at, set: set, address: at.text(), endpoint: parseEndpoint(at.text())}
	cl.plaintext = cl.scheme == "http"
	if grpc && cl.scheme != "https" && set.at("tls", "insecure").isTrue() {
		cl.plaintext = true
	}
	return cl
}
