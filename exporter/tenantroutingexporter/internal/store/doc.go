// Package store keeps the queued payloads of lanes in a storage extension, so
// that what was acknowledged outlives the process.
//
// Tenants are spread over a fixed number of shards, each one client (with
// file_storage: one file) of the extension. A payload and the list of
// destinations that still need it are written in one transaction, shared by all
// requests that arrive while the previous transaction is being written. A file
// that turns out to be damaged is left where it is, its shard goes on in a new
// one, and only what the damaged file held is lost.
package store
