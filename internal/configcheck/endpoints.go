package configcheck

import (
	"net/url"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/profile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The ports of OTLP.
const (
	portGRPC = "4317"
	portHTTP = "4318"
)

// endpoints is about where the exporters of all pipelines send to, and where servers of
// OTLP listen.
func (c *checker) endpoints() {
	for i := range c.pipelines {
		for _, id := range c.pipelines[i].exporters {
			c.exporterEndpoints(id)
		}
		for _, id := range c.pipelines[i].receivers {
			c.receiverEndpoints(id)
		}
	}
}

func (c *checker) exporterEndpoints(id string) {
	key, set := "exporters::"+id, at(c.conf, "exporters", id)
	switch typeOf(id) {
	case "otlphttp":
		paths, _ := profile.Find(profile.Default)
		c.httpEndpoints(key, mapping(set), paths)
	case "otlp", "otlpgrpc":
		c.grpcEndpoint(key, mapping(set))
	case typeRouting:
		destinations := mapping(at(set, "destinations"))
		for _, name := range sortedKeys(destinations) {
			d := destinations[name]
			paths, known := profile.Find(text(at(d, "profile")))
			if !known {
				continue // the exporter refuses it
			}
			key := key + "::destinations::" + name
			c.httpEndpoints(key+"::otlp_http", mapping(at(d, "otlp_http")), paths)
			c.grpcEndpoint(key+"::otlp_grpc", mapping(at(d, "otlp_grpc")))
		}
	}
}

// httpEndpoints is about an endpoint to which paths are added by signal, and about those
// of one signal, which are used as they are.
func (c *checker) httpEndpoints(key string, set map[string]any, paths profile.Paths) {
	if u := c.httpURL(key+"::endpoint", text(set["endpoint"])); u != nil {
		c.basePath(key, u, paths)
	}
	for _, signal := range tenant.AllSignals() {
		name := signal.String() + "_endpoint"
		if u := c.httpURL(key+"::"+name, text(set[name])); u != nil {
			c.signalPath(key+"::"+name, u, signal)
		}
	}
}

// parts are what of an endpoint is known before variables of tenants are filled in.
type parts struct{ scheme, port, path string }

// httpURL returns nil for an endpoint that is not set or cannot be checked further.
func (c *checker) httpURL(key, endpoint string) *parts {
	if endpoint == "" || strings.HasPrefix(endpoint, "{") || strings.HasPrefix(endpoint, "${") {
		return nil
	}
	scheme, rest, ok := strings.Cut(endpoint, "://")
	switch {
	case !ok:
		shown := withoutSecrets(endpoint)
		c.refuse(key, "is %s and has no scheme: write http://%s, or https://%s if the server has a certificate", shown, shown, shown)
		return nil
	case !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https"):
		if !strings.ContainsAny(scheme, "{$") {
			c.refuse(key, "has the scheme %s, but data is sent over HTTP: write http:// or https://, or use an exporter for gRPC", scheme)
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
		c.warn(key, "has port %s, on which servers take OTLP over gRPC and not over HTTP: use port %s, or an exporter for gRPC", portGRPC, portHTTP)
	}
	return p
}

// withoutSecrets cuts off a user name and password, and a query, which may hold a token.
func withoutSecrets(endpoint string) string {
	endpoint, _, _ = strings.Cut(endpoint, "?")
	return endpoint[strings.LastIndexByte(endpoint, '@')+1:]
}

// basePath is about the path of an endpoint to which paths are added.
func (c *checker) basePath(key string, u *parts, paths profile.Paths) {
	base := strings.TrimRight(u.path, "/")
	if strings.HasSuffix(u.path, "//") {
		c.warn(key+"::endpoint", "ends in several slashes, which become part of the path: write one or none")
	}
	for _, signal := range tenant.AllSignals() {
		if suffix := "/v1/" + signal.String(); strings.HasSuffix(base, suffix) {
			c.refuse(key+"::endpoint", "ends in %s, but the path of each signal is added to it: remove %s, or set %s_endpoint to the whole URL",
				suffix, suffix, signal)
			return
		}
	}
	if strings.HasSuffix(base, "/v1") {
		c.refuse(key+"::endpoint", "ends in /v1, but paths such as /v1/logs are added to it: remove /v1")
		return
	}
	for _, signal := range tenant.AllSignals() {
		// As /otlp of /otlp/v1/logs.
		begin := strings.TrimSuffix(paths[signal], "/v1/"+signal.String())
		if begin == "" || paths[signal] == "" || !strings.HasSuffix(base, begin) {
			continue
		}
		c.warn(key+"::endpoint", "ends in %s, and %s is added to it, so that data goes to %s: remove %s unless a proxy needs it twice",
			begin, paths[signal], base+paths[signal], begin)
		return
	}
}

// signalPath is about the path of an endpoint of one signal.
func (c *checker) signalPath(key string, u *parts, signal tenant.Signal) {
	path, _, _ := strings.Cut(u.path, "?")
	switch {
	case strings.Trim(path, "/") == "":
		c.warn(key, "has no path, and none is added to it: write the whole URL, such as one that ends in /v1/%s", signal)
	case strings.HasSuffix(path, "/v1/"+signal.String()+"/"):
		c.warn(key, "ends in a slash, so that it is another path than /v1/%s to most servers: remove the slash", signal)
	default:
		for _, other := range tenant.AllSignals() {
			if other != signal && strings.HasSuffix(strings.TrimRight(path, "/"), "/v1/"+other.String()) {
				c.warn(key, "ends in /v1/%s, which is for %s", other, other)
			}
		}
	}
}

// grpcEndpoint is about an endpoint of gRPC, which is a host and a port.
func (c *checker) grpcEndpoint(key string, set map[string]any) {
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
		c.refuse(key, "has the path /%s, but gRPC has no paths: write %s, or use an exporter for HTTP", path, host)
	}
	if u, err := url.Parse("//" + host); err == nil && u.Port() == portHTTP {
		c.warn(key, "has port %s, on which servers take OTLP over HTTP and not over gRPC: use port %s, or an exporter for HTTP", portHTTP, portGRPC)
	}
}

// receiverEndpoints is about servers on the port of the other protocol.
func (c *checker) receiverEndpoints(id string) {
	if !slices.Contains([]string{"otlp", typeTenantOTLP}, typeOf(id)) {
		return
	}
	for _, s := range c.servers(id) {
		endpoint := text(s.set["endpoint"])
		switch {
		case s.grpc && strings.HasSuffix(endpoint, ":"+portHTTP):
			c.warn(s.key+"::endpoint", "takes gRPC on port %s, to which programs send OTLP over HTTP: use port %s", portHTTP, portGRPC)
		case !s.grpc && strings.HasSuffix(endpoint, ":"+portGRPC):
			c.warn(s.key+"::endpoint", "takes HTTP on port %s, to which programs send OTLP over gRPC: use port %s", portGRPC, portHTTP)
		}
	}
}
