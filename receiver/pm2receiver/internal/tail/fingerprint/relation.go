// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package fingerprint

// Relation is how the content of a file relates to content that was read before.
type Relation int

const (
	// Unrelated is a file with other content.
	Unrelated Relation = iota
	// Unclear is a file that is too short to be compared.
	Unclear
	// Covered is a file of which everything was read.
	Covered
	// Longer is a file that begins with everything that was read and holds more.
	Longer
)

// String implements fmt.Stringer.
func (r Relation) String() string {
	switch r {
	case Unrelated:
		return "unrelated"
	case Unclear:
		return "unclear"
	case Covered:
		return "covered"
	case Longer:
		return "longer"
	}
	return "invalid"
}
