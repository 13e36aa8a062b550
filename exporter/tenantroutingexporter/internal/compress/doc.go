// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package compress compresses encoded requests one by one, in such a way that several of them become
// the body of one HTTP request without being compressed again.
//
// A request is compressed when it is accepted, and queued in that form for all its destinations. With
// gzip this is possible because DEFLATE is a sequence of blocks: blocks that end at a byte boundary and do
// not refer to earlier data can be concatenated, and the checksum of the whole follows from those of
// the parts (RFC 1951, RFC 1952). Zstandard frames can be concatenated (RFC 8878).
package compress
