// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentinstall

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// Settings are those parts of an agent's configuration that a check of the machine needs.
type Settings struct {
	Receivers    []PM2
	Destinations []Destination
	Storage      []string // directories of file_storage
	DeadLetters  []string // directories of dead letters
	Listeners    []Listener
	Health       string // URL of /health; empty: tenant_health is not used
	Live         string // URL of /health/live
	Metrics      string // URL of the internal metrics; empty: there are none over HTTP
	Signals      []string
}

// PM2 is one pm2 receiver.
type PM2 struct {
	ID          string
	Homes       []string // paths
	Patterns    []string // patterns of homes
	Include     []string
	Exclude     []string
	ProcessList bool
	Metrics     bool
	AnyOwner    bool
}

// Destination is one OTLP destination over HTTP.
type Destination struct {
	Name     string
	Endpoint string
	ProxyURL string
	CAFile   string
	Insecure bool // certificates are not verified
	TLSName  string

	// The credentials. Key is a secret.
	Key, KeyFile, BusinessID string
	SendInsecure             bool // the key may be sent without TLS
	HasAuth                  bool
}

// Listener is an address on which the agent listens.
type Listener struct{ Setting, Address string }

// SettingsOf returns the settings in a resolved configuration. home is the home folder of the agent's user,
// for a receiver without one. Parts of unexpected types are ignored: the collector rejects them.
func SettingsOf(conf *confmap.Conf, env map[string]string, home string) *Settings {
	tree := conf.ToStringMap()
	s := &Settings{}
	receivers, exporters, extensions := s.used(tree)
	for id, c := range components(tree, "receivers") {
		if !receivers[id] {
			continue
		}
		switch typeOf(id) {
		case "pm2":
			s.Receivers = append(s.Receivers, pm2Of(id, c, env, home))
		case "tenant_otlp", "otlp":
			for protocol, p := range children(c, "protocols") {
				if address := text(p, "endpoint"); address != "" {
					s.Listeners = append(s.Listeners, Listener{"receivers::" + id + "::protocols::" + protocol + "::endpoint", address})
				}
			}
		}
	}
	for id, c := range components(tree, "exporters") {
		if !exporters[id] {
			continue
		}
		switch typeOf(id) {
		case "tenant_routing":
			for name, d := range children(c, "destinations") {
				if otlp, ok := d["otlp_http"].(map[string]any); ok {
					s.Destinations = append(s.Destinations, destinationOf(name, otlp, tree))
				}
			}
			if dir := text(child(c, "dead_letter"), "directory"); dir != "" {
				s.DeadLetters = append(s.DeadLetters, dir)
			}
		case "otlp_http", "otlphttp":
			s.Destinations = append(s.Destinations, destinationOf(id, c, tree))
		}
	}
	for id, c := range components(tree, "extensions") {
		if !extensions[id] {
			continue
		}
		switch typeOf(id) {
		case "file_storage":
			if dir := text(c, "directory"); dir != "" {
				s.Storage = append(s.Storage, dir)
			}
		case "tenant_health":
			address := cmp.Or(text(c, "endpoint"), "localhost:13133")
			path := cmp.Or(text(c, "path"), "/health")
			s.Listeners = append(s.Listeners, Listener{"extensions::" + id + "::endpoint", address})
			s.Health, s.Live = "http://"+reachable(address)+path, "http://"+reachable(address)+"/health/live"
		}
	}
	s.metrics(tree)
	slices.SortFunc(s.Listeners, func(a, b Listener) int { return strings.Compare(a.Setting, b.Setting) })
	slices.SortFunc(s.Destinations, func(a, b Destination) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Receivers, func(a, b PM2) int { return strings.Compare(a.ID, b.ID) })
	return s
}

// used returns the components that the service uses, and notes its signals.
func (s *Settings) used(tree map[string]any) (receivers, exporters, extensions map[string]bool) {
	receivers, exporters, extensions = map[string]bool{}, map[string]bool{}, map[string]bool{}
	service := child(tree, "service")
	for _, id := range list(service["extensions"]) {
		extensions[id] = true
	}
	for name, p := range children(service, "pipelines") {
		if signal := typeOf(name); !slices.Contains(s.Signals, signal) {
			s.Signals = append(s.Signals, signal)
		}
		for _, id := range list(p["receivers"]) {
			receivers[id] = true
		}
		for _, id := range list(p["exporters"]) {
			exporters[id] = true
		}
	}
	slices.Sort(s.Signals)
	return receivers, exporters, extensions
}

// metrics notes the address of the internal metrics.
func (s *Settings) metrics(tree map[string]any) {
	readers, _ := child(child(child(tree, "service"), "telemetry"), "metrics")["readers"].([]any)
	for _, r := range readers {
		reader, _ := r.(map[string]any)
		prometheus := child(child(child(reader, "pull"), "exporter"), "prometheus")
		if prometheus["port"] == nil {
			continue
		}
		address := net.JoinHostPort(cmp.Or(text(prometheus, "host"), "localhost"), fmt.Sprint(prometheus["port"]))
		s.Metrics = "http://" + reachable(address) + "/metrics"
		s.Listeners = append(s.Listeners, Listener{"service::telemetry::metrics::readers", address})
	}
}

func pm2Of(id string, c map[string]any, env map[string]string, home string) PM2 {
	p := PM2{
		ID: id, Include: list(c["include"]), Exclude: list(c["exclude"]), Patterns: list(c["homes"]),
		ProcessList: flag(child(c, "process_list"), "enabled", true),
		Metrics:     flag(child(c, "metrics"), "enabled", false),
		AnyOwner:    flag(c, "read_any_owner", false),
	}
	own := text(c, "home")
	if own == "" && len(p.Patterns) == 0 {
		own = cmp.Or(env["PM2_HOME"], "~/.pm2")
	}
	if own != "" {
		p.Homes = []string{own}
	}
	for _, paths := range [][]string{p.Homes, p.Patterns, p.Include, p.Exclude} {
		for i, path := range paths {
			if path == "~" || strings.HasPrefix(path, "~/") {
				path = home + path[1:]
			}
			paths[i] = filepath.Clean(path)
		}
	}
	return p
}

func destinationOf(name string, c, tree map[string]any) Destination {
	tls := child(c, "tls")
	d := Destination{
		Name: name, Endpoint: text(c, "endpoint"), ProxyURL: text(c, "proxy_url"),
		CAFile: text(tls, "ca_file"), Insecure: flag(tls, "insecure_skip_verify", false), TLSName: text(tls, "server_name_override"),
	}
	auth := text(child(c, "auth"), "authenticator")
	if typeOf(auth) != "bearer_key_auth" {
		return d
	}
	client := child(child(child(tree, "extensions"), auth), "client")
	d.HasAuth = true
	d.Key, d.KeyFile, d.BusinessID = text(client, "key"), text(client, "key_file"), text(client, "business_id")
	d.SendInsecure = flag(client, "insecure", false)
	return d
}

// components returns the components of a kind, by ID.
func components(tree map[string]any, kind string) map[string]map[string]any {
	return children(tree, kind)
}

// children returns the maps below a key. A child without a value is an empty map.
func children(tree map[string]any, key string) map[string]map[string]any {
	all := map[string]map[string]any{}
	for name, value := range child(tree, key) {
		m, _ := value.(map[string]any)
		all[name] = m
	}
	return all
}

func child(tree map[string]any, key string) map[string]any {
	m, _ := tree[key].(map[string]any)
	return m
}

func text(tree map[string]any, key string) string {
	switch v := tree[key].(type) {
	case string:
		return v
	case nil, map[string]any, []any:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

func flag(tree map[string]any, key string, fallback bool) bool {
	if b, ok := tree[key].(bool); ok {
		return b
	}
	return fallback
}

// list returns the texts of a list. The collector also accepts a text with commas.
func list(value any) (all []string) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
	case string:
		for one := range strings.SplitSeq(v, ",") {
			if one != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

// typeOf returns the type of a component or the signal of a pipeline.
func typeOf(id string) string {
	kind, _, _ := strings.Cut(id, "/")
	return kind
}

// reachable returns the address at which this machine reaches a listener.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
