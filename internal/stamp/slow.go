// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

// Slow is why a request must be decoded to be stamped.
type Slow uint8

// The reasons.
const (
	SlowNone       Slow = iota // it is stamped
	SlowUnknown                // it has a field that the protocol does not have
	SlowRepeated               // a message has a field twice, or two members of a oneof
	SlowDeprecated             // it has a deprecated field
	SlowIndex                  // it refers to strings by index
	SlowEncoding               // a number, a length or a list is encoded in an unusual form
	SlowUTF8                   // a string is not UTF-8
	SlowIdentity               // an attribute names another tenant, or repeats the tenant, or looks like its key
	SlowResource               // an attribute of a resource is to be replaced
	SlowSeverity               // a severity is to be found in attributes, or its number to be removed
	SlowMany                   // more is to be changed, or a resource has more attributes, than a request should need
	NumSlow
)

// String returns the reason as it is in metrics.
func (s Slow) String() string {
	return [NumSlow]string{
		SlowNone: "none", SlowUnknown: "unknown_field", SlowRepeated: "repeated_field", SlowDeprecated: "deprecated_field",
		SlowIndex: "string_index", SlowEncoding: "encoding", SlowUTF8: "utf8", SlowIdentity: "identity",
		SlowResource: "resource", SlowSeverity: "severity", SlowMany: "many_edits",
	}[s]
}
