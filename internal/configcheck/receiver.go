// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import "slices"

// server is one server of a receiver.
type server struct {
	key  string // of its settings
	grpc bool
	set  map[string]any
}

// servers returns the servers of a receiver. A receiver without "protocols" is one server.
func (c *checker) servers(id string) (list []server) {
	set := at(c.conf, "receivers", id)
	protocols := mapping(at(set, "protocols"))
	if protocols == nil {
		return []server{{key: "receivers::" + id, set: mapping(set)}}
	}
	for _, name := range sortedKeys(protocols) {
		if p := protocols[name]; p != nil { // not enabled, or with nothing but defaults
			list = append(list, server{"receivers::" + id + "::protocols::" + name, name == "grpc", mapping(p)})
		}
	}
	return list
}

// checkReceiver checks a receiver whose requests must have the tenant's key.
func (c *checker) checkReceiver(id string) {
	for _, s := range c.servers(id) {
		if !c.checkAuthenticator(id, s) || appliesGuard(id) {
			continue
		}
		if s.grpc && !slices.Contains(s.middlewares(), "bearerkeyauth") {
			c.warn(LateAuthentication, s.key+"::middlewares", "has no bearer_key_auth: messages without a valid key are read completely before they are rejected; add {id: bearer_key_auth}")
		}
		c.checkRequestGuard(id, s)
	}
}

// checkEdgeReceiver checks a receiver that local programs send to.
func (c *checker) checkEdgeReceiver(id string) {
	if typeOf(id) != "otlp" {
		return // other receivers apply a guard themselves, or do not receive OTLP
	}
	for _, s := range c.servers(id) {
		c.checkRequestGuard(id, s)
	}
}

// checkAuthenticator checks the authenticator of a server, and reports whether it has one.
func (c *checker) checkAuthenticator(id string, s server) bool {
	switch authenticator := text(at(s.set, "auth", "authenticator")); {
	case authenticator == "":
		c.refuse(NoAuthenticator, s.key+"::auth", "is not set, but tenant has source: auth: no request has a tenant, and all data of %s would be rejected; set auth::authenticator: bearer_key_auth, or use source: config in a separate pipeline", id)
		return false
	case typeOf(authenticator) != "bearerkeyauth":
		c.warn(UnknownAuthenticator, s.key+"::auth::authenticator", "is %s, which is not known to set the tenant of a request; tenant with source: auth rejects data without a tenant: use bearer_key_auth", authenticator)
	}
	return true
}

// checkRequestGuard checks that a server uses a request_guard.
func (c *checker) checkRequestGuard(id string, s server) {
	if !slices.Contains(s.middlewares(), typeGuard) {
		c.warn(NoGuard, s.key+"::middlewares", "has no request_guard: requests are decompressed and decoded before any limit applies, so one request can exhaust the memory of the process; use the receiver tenant_otlp instead of %s, or add {id: request_guard}", id)
	}
}

// middlewares returns the types of the middlewares of a server.
func (s server) middlewares() (types []string) {
	list, _ := s.set["middlewares"].([]any)
	for _, m := range list {
		types = append(types, typeOf(text(at(m, "id"))))
	}
	return types
}
