// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package registrydb keeps the registry of a gateway's tenants in a PostgreSQL
// database, which any number of gateways and operators share.
//
// A registry in a database is a registry file cut into rows, one per tenant, so
// that the checks of package registryfile and the edits of package registryedit work
// on a database too. Gateways use a [Reader], which only needs to read two tables.
// Operators use [Edit].
//
// Every change, also one by hand in SQL, gives the registry another revision and
// notifies the channel tenant_registry.
//
// No error of this package has the password of a connection string.
package registrydb
