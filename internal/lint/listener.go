// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"slices"
	"strings"
)

// listener is a server of a component that is in use.
type listener struct {
	key     string // of its settings
	section string // receivers, extensions or service
	id      string // of the component
	set     *value // its settings; nil if it has none
	at      *value // its endpoint, or what contains it
	address string // host and port
	udp     bool
	grpc    bool
	endpoint
}

// Server is an address on which a component listens by default, for the test that compares it with
// the component.
type Server struct {
	Type   string // of the component
	Path   []string
	Listen string // host and port; empty: none
	udp    bool
	plain  bool // it has no "auth"
}

// Servers returns the components that listen. Those of other distributions have no default here.
func Servers() []Server {
	protocols := func(kind, grpc, http string) []Server {
		return []Server{
			{Type: kind, Path: []string{"protocols", "grpc"}, Listen: grpc},
			{Type: kind, Path: []string{"protocols", "http"}, Listen: http},
		}
	}
	all := slices.Concat(
		protocols("tenant_otlp", "localhost:4317", "localhost:4318"),
		protocols("otlp", "localhost:4317", "localhost:4318"),
		[]Server{
			{Type: "prometheus_remote_write", Listen: "localhost:19291"},
			{Type: "loki_push", Listen: "localhost:3100"},
			{Type: "tenant_health", Listen: "localhost:13133", plain: true},
			{Type: "health_check", Listen: "localhost:13133", plain: true},
			{Type: "pprof", Listen: "localhost:1777", plain: true},
			{Type: "zpages", Listen: "localhost:55679", plain: true},
		},
		protocols("loki", "", ""),
	)
	for _, kind := range []string{"grpc", "thrift_http", "thrift_compact", "thrift_binary"} {
		all = append(all, Server{Type: "jaeger", Path: []string{"protocols", kind}, udp: strings.HasPrefix(kind, "thrift_c") || strings.HasPrefix(kind, "thrift_b")})
	}
	for _, kind := range []string{"zipkin", "splunk_hec", "influxdb", "webhookevent", "webhook_event", "awsfirehose", "skywalking", "signalfx", "datadog", "faro", "opencensus"} {
		all = append(all, Server{Type: kind})
	}
	return all
}

// findListeners returns the servers of all components in use.
func findListeners(c *config) (all []listener) {
	for _, section := range []string{"receivers", "extensions"} {
		for _, id := range c.used(section) {
			for _, s := range Servers() {
				if typeOf(s.Type) == typeOf(id) && receives(s.Type) == (section == "receivers") {
					all = append(all, c.listenersOf(section, id, s)...)
				}
			}
		}
	}
	readers := c.root.at("service", "telemetry", "metrics", "readers")
	for i, reader := range readers.list() {
		set := reader.at("pull", "exporter", "prometheus")
		if set == nil {
			continue
		}
		host, port := set.at("host"), set.at("port")
		key := fmt.Sprintf("service::telemetry::metrics::readers::%d::pull::exporter::prometheus", i)
		l := listener{key: key, section: "service", id: "telemetry", set: set, at: set, address: host.text() + ":" + port.text()}
		if host != nil {
			l.at = host
		}
		l.endpoint = endpoint{host: host.text(), port: port.text(), reach: reachOf(host.text())}
		if host.text() == "" {
			l.endpoint.reach = reachUnknown // it does not start
		}
		all = append(all, l)
	}
	return all
}

func receives(kind string) bool {
	return !slices.Contains([]string{"tenant_health", "health_check", "pprof", "zpages"}, kind)
}

func (c *config) listenersOf(section, id string, s Server) (all []listener) {
	set := c.root.at(section, id)
	key := section + "::" + id
	if len(s.Path) > 0 {
		parent := set.at(s.Path[:len(s.Path)-1]...)
		name := s.Path[len(s.Path)-1]
		if _, enabled := parent.fieldsOrNone()[name]; !enabled {
			return nil
		}
		set = parent.at(name)
		key += "::" + strings.Join(s.Path, "::")
	}
	l := listener{key: key, section: section, id: id, set: set, at: set, udp: s.udp, grpc: strings.HasSuffix(key, "::grpc")}
	l.address = s.Listen
	if at := set.at("endpoint"); at.isSet() {
		l.at, l.address = at, at.text() // empty if it is not known
	}
	if l.address == "" {
		if set.at("endpoint").isSet() && set.at("endpoint").known {
			return nil // empty: it does not start
		}
		return append(all, l)
	}
	l.endpoint = parseEndpoint(l.address)
	if strings.HasPrefix(set.at("transport").text(), "unix") {
		l.reach = reachLocal
	}
	return append(all, l)
}

// fieldsOrNone returns the fields of a mapping, or none.
func (v *value) fieldsOrNone() map[string]*value {
	if v == nil {
		return nil
	}
	return v.fields
}

// beyondLoopback reports whether other machines may reach the listener.
func (l *listener) beyondLoopback() bool {
	return l.reach == reachAll || l.reach == reachPrivate || l.reach == reachPublic
}
