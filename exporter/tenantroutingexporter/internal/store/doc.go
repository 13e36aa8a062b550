// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package store keeps the queued payloads of lanes in a storage extension, so
// that accepted data survives the process.
//
// Tenants are distributed over a fixed number of shards. Each shard is one client of the
// extension, which is one file with file_storage. A payload and the list of its remaining
// destinations are written in one transaction, together with those of all requests that
// arrive during the previous transaction. If a file is damaged, its shard continues in a new
// file, and only what the damaged file contained is lost.
package store
