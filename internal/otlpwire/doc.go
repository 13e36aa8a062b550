// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package otlpwire checks encoded OTLP export requests before they are decoded. One
// pass over the bytes, without an allocation, determines how deeply values are
// nested, how many elements the request has, and how much memory the decoder of
// pdata needs for it. It stops at the first limit that is exceeded. [CheckProto] and
// [CheckJSON] are the entry points: internal/guard calls them for every OTLP request, and
// [RewriteJSON] for JSON that pdata does not read.
//
// Where the decoder of pdata and the specification differ, the package follows
// pdata: it skips what pdata skips, counts what pdata allocates, and reports what
// pdata rejects as malformed. pdata decodes every request that [CheckProto] accepts.
//
// For JSON the package follows the JSON mapping of protobuf, which allows more than
// pdata reads: null for a field that is not set, integers with a fraction of zero or an
// exponent, base64 in both alphabets and without padding, escapes in every string. For
// such a request, [Counts].Rewritten is set and [RewriteJSON] writes a form that pdata
// reads. [CheckJSON] is stricter than pdata in four points, where pdata would read
// something other than what the sender wrote:
//
//   - The document must be JSON as defined by RFC 8259. pdata accepts some texts
//     that are not, for example with a missing comma.
//   - Only white space may follow the document. pdata ignores the rest.
//   - An integer must fit its field. pdata misses some overflows.
//   - A number in a string with escapes, or in hexadecimal form, has at most 64
//     bytes.
//
// Where both leave a choice, the package does the same as pdata: if an object has a key
// twice, the last value wins, and lists are joined. The package is more lenient than
// protobuf in two points: an integer that is too large for an attribute or a data point
// becomes a double, and an enumeration may be a number in a string.
//
// [WriteJSON] converts encoded requests to JSON without decoding them. The output is the
// same bytes that pdata writes, and its memory does not grow with the request.
package otlpwire
