// Package compress compresses encoded requests one by one such that any number of
// them become the body of one HTTP request without being compressed again.
//
// A request is compressed when it is accepted and waits like that for all its
// destinations. gzip allows it because DEFLATE is a sequence of blocks: blocks that
// end at a byte and refer to nothing before them can be strung together, and the
// checksum of the whole follows from those of the parts (RFC 1951, RFC 1952). Of
// Zstandard, frames may follow each other (RFC 8878).
package compress
