// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package condition defines what components report when they cannot do their work, such as
// files that they may not read or a gateway that does not answer.
//
// A component posts a function that returns its present [Finding]s on every [Board] of its
// host. The tenant_health extension is such a board. It calls the functions once a second and
// passes the findings to a [Tracker]: a condition begins when it was found for some time, and
// ends when it was not found for some time, so that a short failure changes nothing. A fault
// that has several consequences is shown as one condition.
package condition
