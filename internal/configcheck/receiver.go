package configcheck

import "slices"

// receiver is about a receiver whose requests the tenant's key must come with.
func (c *checker) receiver(id string) {
	set := at(c.conf, "receivers", id)
	servers := map[string]any{"": set}
	if protocols := mapping(at(set, "protocols")); protocols != nil {
		servers = make(map[string]any)
		for name, p := range protocols {
			if p != nil { // not enabled, or with nothing but defaults
				servers["::protocols::"+name] = p
			}
		}
	}
	for _, name := range sortedKeys(servers) {
		c.server("receivers::"+id+name, id, name, mapping(servers[name]))
	}
}

func (c *checker) server(key, id, name string, set map[string]any) {
	authenticator := text(at(set, "auth", "authenticator"))
	switch {
	case authenticator == "":
		c.refuse(key+"::auth", "is not set, but tenant has source: auth: no request has a tenant, and all data of %s would be refused; set auth::authenticator: bearer_key_auth, or use source: config in a pipeline of its own", id)
		return
	case typeOf(authenticator) != "bearerkeyauth":
		c.warn(key+"::auth::authenticator", "is %s, which is not known to say whose a request is; tenant with source: auth refuses what has no tenant: use bearer_key_auth", authenticator)
	}
	if typeOf(id) == "tenantotlp" {
		return // it has both built in
	}
	middlewares := middlewareTypes(set)
	if name == "::protocols::grpc" && !slices.Contains(middlewares, "bearerkeyauth") {
		c.warn(key+"::middlewares", "has no bearer_key_auth: messages of strangers are read as a whole before they are refused; add {id: bearer_key_auth}")
	}
	if !slices.Contains(middlewares, "requestguard") {
		c.warn(key+"::middlewares", "has no request_guard: requests are decompressed and decoded before any limit holds, so that one request can end the process; use the receiver tenant_otlp in place of %s, or add {id: request_guard}", id)
	}
}

// middlewareTypes returns the types of the middlewares of a server.
func middlewareTypes(set map[string]any) (types []string) {
	list, _ := set["middlewares"].([]any)
	for _, m := range list {
		types = append(types, typeOf(text(at(m, "id"))))
	}
	return types
}
