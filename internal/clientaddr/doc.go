// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package clientaddr finds the address of a client behind proxies.
//
// Headers such as X-Forwarded-For are used only on connections from a trusted proxy. Their elements
// are read from the right, where each proxy appends the address of its client, up to the first
// address that is not a trusted proxy. The elements to the left of it come from the client and may
// have any content.
package clientaddr
