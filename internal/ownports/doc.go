// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package ownports lists the TCP addresses on which this process listens, so that a component
// can detect that its destination is this process.
package ownports

import "net/netip"

// Listening returns the TCP addresses on which this process listens, or nil if the system does
// not provide them. An address that is unspecified is one of all addresses: that of IPv6 also of
// those of IPv4.
func Listening() []netip.AddrPort { return listening() }
