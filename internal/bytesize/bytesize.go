// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package bytesize reads sizes such as 64MiB from configuration, and shows sizes to people.
package bytesize

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Size is a number of bytes. In YAML it is a plain number or a number with a
// unit: 1048576, 1MiB, 1MB (a million bytes).
type Size int64

// The usual binary units.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil {
		return fmt.Errorf("size %q is not a number of bytes such as 1048576, 64MiB or 20GiB", text)
	}
	if n > math.MaxInt64 {
		return fmt.Errorf("size %q is too large", text)
	}
	*s = Size(n)
	return nil
}

// MarshalText implements encoding.TextMarshaler with the largest binary unit
// that loses nothing.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the inverse of UnmarshalText.
func (s Size) String() string {
	for _, u := range []struct {
		size Size
		name string
	}{{1 << 40, "TiB"}, {GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}} {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Rounded returns the size for people, with one decimal, such as 1.4 MiB. Below 1 KiB it is a number of bytes,
// such as 512 B.
func (s Size) Rounded() string {
	for _, u := range []struct {
		size Size
		name string
	}{{1 << 40, "TiB"}, {GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}} {
		if s >= u.size {
			return fmt.Sprintf("%.1f %s", float64(s)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d B", int64(s))
}
