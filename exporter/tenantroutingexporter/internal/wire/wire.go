// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package wire splits encoded OTLP export requests without decoding them.
//
// All OTLP export requests have the same outer form: the repeated field 1 has one resource with its
// data. So requests can be concatenated, and split between resources.
package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

var errMalformed = errors.New("malformed export request")

// Split returns groups requests: resource i of buf goes to request group[i], in
// its order. buf must hold len(group) resources. The result does not share
// memory with buf.
func Split(buf []byte, group []int, groups int) ([][]byte, error) {
	sizes := make([]int, groups)
	fields := make([][]byte, 0, len(group))
	for rest := buf; len(rest) > 0; {
		n, err := fieldLen(rest)
		if err != nil {
			return nil, err
		}
		if len(fields) == len(group) {
			return nil, fmt.Errorf("%w: more than %d resources", errMalformed, len(group))
		}
		sizes[group[len(fields)]] += n
		fields, rest = append(fields, rest[:n]), rest[n:]
	}
	if len(fields) != len(group) {
		return nil, fmt.Errorf("%w: %d resources, want %d", errMalformed, len(fields), len(group))
	}
	out := make([][]byte, groups)
	for g, size := range sizes {
		out[g] = make([]byte, 0, size)
	}
	for i, field := range fields {
		out[group[i]] = append(out[group[i]], field...)
	}
	return out, nil
}

// fieldLen returns the length of the first field of buf, which must be a
// resource.
func fieldLen(buf []byte) (int, error) {
	number, kind, n := protowire.ConsumeTag(buf)
	if n < 0 || number != 1 || kind != protowire.BytesType {
		return 0, errMalformed
	}
	_, m := protowire.ConsumeBytes(buf[n:])
	if m < 0 {
		return 0, errMalformed
	}
	return n + m, nil
}
