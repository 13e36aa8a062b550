// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import "fmt"

// Role is what a collector with a configuration is used for.
type Role string

const (
	// RoleAuto determines the role from the configuration.
	RoleAuto Role = "auto"
	// RoleAgent is a collector whose data belongs to one tenant.
	RoleAgent Role = "agent"
	// RoleGateway is a collector that receives data of several tenants.
	RoleGateway Role = "gateway"

	// roleOther is a collector without tenants.
	roleOther Role = "other"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(text []byte) error {
	switch role := Role(text); role {
	case RoleAuto, RoleAgent, RoleGateway:
		*r = role
		return nil
	}
	return fmt.Errorf("role must be auto, agent or gateway, got %q", text)
}

// detectRole returns the role of a configuration. A configuration with parts of both is one of a
// gateway, for which more is checked.
func detectRole(c *config) Role {
	for _, id := range c.root.at("processors").names() {
		if typeOf(id) == typeTenant && c.root.at("processors", id, "source").text() == "auth" {
			return RoleGateway
		}
	}
	agent := false
	for _, id := range c.root.at("extensions").names() {
		ext := c.root.at("extensions", id)
		switch typeOf(id) {
		case "tenantregistry":
			return RoleGateway
		case typeKeyAuth:
			if ext.at("registry").text() != "" {
				return RoleGateway
			}
			agent = true
		}
	}
	for _, id := range c.root.at("exporters").names() {
		if typeOf(id) == typeRouting {
			if c.root.at("exporters", id, "registry").text() != "" {
				return RoleGateway
			}
			agent = true
		}
	}
	for _, id := range c.root.at("processors").names() {
		agent = agent || typeOf(id) == typeTenant
	}
	for _, id := range c.root.at("receivers").names() {
		agent = agent || typeOf(id) == "pm2"
	}
	if agent {
		return RoleAgent
	}
	return roleOther
}
