// Package registrydb keeps the registry of a gateway's tenants in a PostgreSQL
// database that any number of gateways and operators share.
//
// A registry in a database is a registry file cut into rows, one per tenant, so
// that everything package registryfile does with a file, checks and edits that
// keep comments, holds for a database too. A [Reader] is what a gateway uses; it
// needs to read two tables and nothing more. [Edit] is what tenantctl uses.
//
// Every change, by hand in SQL too, moves the registry to another revision and
// notifies the channel tenant_registry.
//
// No error of this package holds the password of a connection string.
package registrydb
