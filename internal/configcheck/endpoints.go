// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"net/url"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/profile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The default ports of OTLP.
const (
	portGRPC = "4317"
	portHTTP = "4318"
)

// checkEndpoints checks the endpoints of the exporters, and the ports of the OTLP receivers, of all
// pipelines.
func (c *checker) checkEndpoints() {
	for i := range c.pipelines {
		for _, id := range c.pipelines[i].exporters {
			c.checkExporter(id)
		}
		for _, id := range c.pipelines[i].receivers {
			c.checkReceiverPorts(id)
		}
	}
}

func (c *checker) checkExporter(id string) {
	key, set := "exporters::"+id, at(c.conf, "exporters", id)
	switch typeOf(id) {
	case "otlphttp":
		paths, _ := profile.Find(profile.Default)
		c.checkHTTPEndpoints(key, mapping(set), paths)
	case "otlp", "otlpgrpc":
		c.checkGRPCEndpoint(key, mapping(set))
	case typeRouting:
		destinations := mapping(at(set, "destinations"))
		for _, name := range sortedKeys(destinations) {
			d := destinations[name]
			paths, known := profile.Find(text(at(d, "profile")))
			if !known {
				continue // the exporter rejects it
			}
			key := key + "::destinations::" + name
			c.checkHTTPEndpoints(key+"::otlp_http", mapping(at(d, "otlp_http")), paths)
			c.checkGRPCEndpoint(key+"::otlp_grpc", mapping(at(d, "otlp_grpc")))
		}
	}
}

// checkHTTPEndpoints checks "endpoint", to which a path is appended for each signal, and the endpoints
// of single signals, which are used unchanged.
func (c *checker) checkHTTPEndpoints(key string, set map[string]any, paths profile.Paths) {
	if u := c.checkURL(key+"::endpoint", text(set["endpoint"])); u != nil {
		c.checkBasePath(key, u, paths)
	}
	for _, signal := range tenant.AllSignals() {
		name := signal.String() + "_endpoint"
		if u := c.checkURL(key+"::"+name, text(set[name])); u != nil {
			c.checkSignalPath(key+"::"+name, u, signal)
		}
	}
}

// parts are the parts of an endpoint that are known before tenants' variables are replaced.
type parts struct{ scheme, port, path string }

// checkURL checks the scheme and the port of an endpoint. It returns nil if the endpoint is not set or
// cannot be checked further.
func (c *checker) checkURL(key, endpoint string) *parts {
	if endpoint == "" || strings.HasPrefix(endpoint, "{") || strings.HasPrefix(endpoint, "${") {
		return nil
	}
	scheme, rest, ok := strings.Cut(endpoint, "://")
	switch {
	case !ok:
		shown := withoutSecrets(endpoint)
		c.refuse(EndpointScheme, key, "is %s and has no scheme: write http://%s, or https://%s if the server has a certificate", shown, shown, shown)
		return nil
	case !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		if !strings.ContainsAny(scheme, "{$") {
			c.refuse(EndpointScheme, key, "has the scheme %s, but data is sent over HTTP: write http:// or https://, or use an exporter for gRPC", scheme)
		}
		return nil
	}
	host, path, slash := strings.Cut(rest, "/")
	if slash {
		path = "/" + path
	}
	p := &parts{scheme: scheme, path: path}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		p.port = host[i+1:]
	}
	if p.port == portGRPC {
		c.warn(EndpointPort, key, "has port %s, on which servers receive OTLP over gRPC and not over HTTP: use port %s, or an exporter for gRPC", portGRPC, portHTTP)
	}
	return p
}

// withoutSecrets removes the user name and password, and the query, which may have a token.
func withoutSecrets(endpoint string) string {
	endpoint, _, _ = strings.Cut(endpoint, "?")
	return endpoint[strings.LastIndexByte(endpoint, '@')+1:]
}

// checkBasePath checks the path of an endpoint to which paths are appended.
func (c *checker) checkBasePath(key string, u *parts, paths profile.Paths) {
	base := strings.TrimRight(u.path, "/")
	if strings.HasSuffix(u.path, "//") {
		c.warn(EndpointDoubtful, key+"::endpoint", "ends in several slashes, which become part of the path: write one or none")
	}
	for _, signal := range tenant.AllSignals() {
		if suffix := "/v1/" + signal.String(); strings.HasSuffix(base, suffix) {
			c.refuse(EndpointPath, key+"::endpoint", "ends in %s, but the path of each signal is added to it: remove %s, or set %s_endpoint to the whole URL",
				suffix, suffix, signal)
			return
		}
	}
	if strings.HasSuffix(base, "/v1") {
		c.refuse(EndpointPath, key+"::endpoint", "ends in /v1, but paths such as /v1/logs are added to it: remove /v1")
		return
	}
	for _, signal := range tenant.AllSignals() {
		// Such as /otlp of /otlp/v1/logs.
		begin := strings.TrimSuffix(paths[signal], "/v1/"+signal.String())
		if begin == "" || paths[signal] == "" || !strings.HasSuffix(base, begin) {
			continue
		}
		c.warn(EndpointDoubtful, key+"::endpoint", "ends in %s, and %s is added to it, so data is sent to %s: remove %s unless a proxy needs it twice",
			begin, paths[signal], base+paths[signal], begin)
		return
	}
}

// checkSignalPath checks the path of an endpoint of one signal.
func (c *checker) checkSignalPath(key string, u *parts, signal tenant.Signal) {
	path, _, _ := strings.Cut(u.path, "?")
	switch {
	case strings.Trim(path, "/") == "":
		c.warn(EndpointDoubtful, key, "has no path, and none is added to it: write the whole URL, such as one that ends in /v1/%s", signal)
	case strings.HasSuffix(path, "/v1/"+signal.String()+"/"):
		c.warn(EndpointDoubtful, key, "ends in a slash, and most servers do not accept it as /v1/%s: remove the slash", signal)
	default:
		for _, other := range tenant.AllSignals() {
			if other != signal && strings.HasSuffix(strings.TrimRight(path, "/"), "/v1/"+other.String()) {
				c.warn(EndpointDoubtful, key, "ends in /v1/%s, which is for %s", other, other)
			}
		}
	}
}

// checkGRPCEndpoint checks an endpoint of gRPC, which is a host and a port.
func (c *checker) checkGRPCEndpoint(key string, set map[string]any) {
	key, endpoint := key+"::endpoint", text(set["endpoint"])
	if endpoint == "" || strings.ContainsAny(endpoint, "{$") {
		return
	}
	host := endpoint
	for _, scheme := range []string{"http://", "https://"} {
		host = strings.TrimPrefix(host, scheme)
	}
	if strings.Contains(host, "://") || strings.HasPrefix(host, "unix:") || strings.HasPrefix(host, "dns:") {
		return // a resolver of gRPC
	}
	host, path, _ := strings.Cut(host, "/")
	if path != "" {
		c.refuse(EndpointPath, key, "has the path /%s, but gRPC has no paths: write %s, or use an exporter for HTTP", path, host)
	}
	if u, err := url.Parse("//" + host); err == nil && u.Port() == portHTTP {
		c.warn(EndpointPort, key, "has port %s, on which servers receive OTLP over HTTP and not over gRPC: use port %s, or an exporter for HTTP", portHTTP, portGRPC)
	}
}

// checkReceiverPorts checks that the servers of a receiver do not use the port of the other protocol.
func (c *checker) checkReceiverPorts(id string) {
	if !slices.Contains([]string{"otlp", typeTenantOTLP}, typeOf(id)) {
		return
	}
	for _, s := range c.servers(id) {
		endpoint := text(s.set["endpoint"])
		switch {
		case s.grpc && strings.HasSuffix(endpoint, ":"+portHTTP):
			c.warn(ReceiverPort, s.key+"::endpoint", "receives gRPC on port %s, to which clients send OTLP over HTTP: use port %s", portHTTP, portGRPC)
		case !s.grpc && strings.HasSuffix(endpoint, ":"+portGRPC):
			c.warn(ReceiverPort, s.key+"::endpoint", "receives HTTP on port %s, to which clients send OTLP over gRPC: use port %s", portGRPC, portHTTP)
		}
	}
}
