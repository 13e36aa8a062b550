// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package attack sends hostile requests to a gateway or agent under test: from clients with a key
// that try to exhaust it, and from clients without a valid key. Tests and the hostile soak use it.
// Each attack is bounded in time, bytes and connections. Use it with loopback addresses only.
package attack
