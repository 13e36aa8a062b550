// Package audit keeps the log of who changed the registry of tenants, when, why
// and how, in such a way that an entry that was edited, dropped, moved or cut off
// afterwards is found.
//
// The log is an append-only Merkle tree as that of Go's checksum database
// (golang.org/x/mod/sumdb/tlog). After every entry the hash of the whole tree is
// signed with a key of the operator (golang.org/x/mod/sumdb/note). Whoever does
// not have the key can change nothing that [Verify] does not find, but for one
// thing: putting back a whole log as it was earlier. That is found by comparing
// with the checkpoint seen last, which is kept beside the key, or with one that
// somebody has kept elsewhere.
//
// The log of a registry file is a folder ([Dir]), that of a registry in a
// database is tables there; both are a [Storage].
package audit
