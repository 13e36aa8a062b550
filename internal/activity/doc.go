// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package activity keeps what a gateway knows about each of its tenants: what it has
// accepted and rejected, from where and with which keys, and what became of the data.
//
// A [Tracker] counts. The tenant_health extension has one, and the components on the data
// path find it with [Find]. What components keep themselves, such as lanes and quotas, they
// show by functions that they post. Only tenants and keys of the registry have records, so
// the registry bounds a tracker, and callers without a key cannot add to it.
//
// Nothing here contains payload, or a secret.
package activity
