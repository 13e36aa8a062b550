// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"errors"
	"strings"
)

// encoding is a content coding.
type encoding uint8

const (
	identity encoding = iota
	gzipEncoding
	zstdEncoding
	snappyEncoding
	framedSnappyEncoding
	deflateEncoding
	zlibEncoding
	lz4Encoding
	numEncodings
)

// name returns the name in Content-Encoding.
func (e encoding) name() string {
	return [numEncodings]string{"identity", "gzip", "zstd", "snappy", "x-snappy-framed", "deflate", "zlib", "lz4"}[e]
}

// Encodings returns the names of the supported content codings other than identity.
func Encodings() []string {
	names := make([]string, 0, numEncodings-1)
	for e := gzipEncoding; e < numEncodings; e++ {
		names = append(names, e.name())
	}
	return names
}

var errEncoding = errors.New("unsupported encoding")

// parseEncoding parses the values of Content-Encoding. It ignores the case of names, and
// identity. It does not support several encodings of one body: no sender of telemetry uses
// them, and each multiplies the size to which a small body can expand.
func parseEncoding(values []string) (encoding, error) {
	found := identity
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			e, err := encodingOf(strings.Trim(name, " \t"))
			switch {
			case err != nil:
				return identity, err
			case e == identity:
			case found != identity:
				return identity, errEncoding
			default:
				found = e
			}
		}
	}
	return found, nil
}

// encodingOf returns the encoding of a name. An empty name is identity.
func encodingOf(name string) (encoding, error) {
	switch name = strings.ToLower(name); name {
	case "", "identity":
		return identity, nil
	case "x-gzip":
		return gzipEncoding, nil
	}
	for e := gzipEncoding; e < numEncodings; e++ {
		if e.name() == name {
			return e, nil
		}
	}
	return identity, errEncoding
}
