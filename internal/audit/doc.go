// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package audit keeps signed, append-only logs: who changed the registry of
// tenants, when, why and how, and what a gateway rejected. Editing, removing,
// reordering or truncating entries is detected.
//
// A log is a Merkle tree in the format of Go's checksum database
// (golang.org/x/mod/sumdb/tlog). After every entry the root hash is signed with
// the operator's key (golang.org/x/mod/sumdb/note). Without the key, a log
// cannot be changed in a way that [Verify] misses, with one exception: replacing
// the whole log with an earlier copy of itself. Verify detects that by comparing
// the log with the last known checkpoint, which is stored beside the key, or
// with a checkpoint that was stored elsewhere.
//
// The log of a registry file is a directory ([Dir]); the log of a registry in a
// database is a set of tables. Both implement [Storage]. A log with a size limit
// consists of segments: see package segmented.
package audit
