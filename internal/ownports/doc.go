// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package ownports lists the TCP ports on which this process listens, so that a component can
// detect that its destination is this process.
package ownports

// Listening returns the TCP ports on which this process listens, or nil if the system does not
// provide them.
func Listening() map[uint16]bool { return listening() }
