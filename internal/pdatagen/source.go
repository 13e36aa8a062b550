// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package pdatagen generates encoded OTLP requests from bytes, for fuzz tests. A client can
// send each of them, so a fuzzer spends its time on the handling of telemetry and not on
// finding its format. Difficult content is frequent: the largest and smallest numbers, NaN,
// buckets that do not match their bounds, duplicate keys, empty messages, strings that are
// not UTF-8.
package pdatagen

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Source generates requests from its bytes. When it has used all of them, everything that
// it generates is empty. It is not safe for concurrent use.
type Source struct{ rest []byte }

// New returns a source that uses data.
func New(data []byte) *Source { return &Source{data} }

// Request returns an encoded export request.
func (s *Source) Request(signal tenant.Signal) []byte {
	switch signal {
	case tenant.Metrics:
		return s.message(nil, metricsRequest, 0)
	case tenant.Traces:
		return s.message(nil, tracesRequest, 0)
	}
	return s.message(nil, logsRequest, 0)
}

// Byte returns the next byte, or 0 if there is none.
func (s *Source) Byte() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

// maxDepth bounds the nesting of messages.
const maxDepth = 14

func (s *Source) message(dst []byte, m kind, depth int) []byte {
	if depth > maxDepth {
		return dst
	}
	for _, f := range fieldsOf(m) {
		for range s.times(f.repeated) {
			dst = s.field(dst, f, depth)
		}
	}
	return dst
}

// times returns how often a field occurs.
func (s *Source) times(repeated bool) int {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.Byte()
	switch {
	case !repeated && b >= 250:
		return 2
	case !repeated:
		return int(b & 1)
	case b >= 250:
		return int(s.Byte())
	}
	return int(b % 4)
}

func (s *Source) field(dst []byte, f field, depth int) []byte {
	n := f.number
	switch f.kind {
	case text:
		return protowire.AppendString(protowire.AppendTag(dst, n, protowire.BytesType), s.text())
	case traceID:
		return protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), make([]byte, 16))
	case spanID:
		return protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), make([]byte, 8))
	case enum:
		return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), uint64(s.Byte()%32))
	case temporality:
		return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), uint64([]byte{1, 1, 1, 2, 0, 3}[s.Byte()%6]))
	case integer:
		return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), s.number())
	case signed:
		return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), protowire.EncodeZigZag(s.small()))
	case fixed32:
		return protowire.AppendFixed32(protowire.AppendTag(dst, n, protowire.Fixed32Type), uint32(s.Byte()))
	case fixed64:
		return protowire.AppendFixed64(protowire.AppendTag(dst, n, protowire.Fixed64Type), s.number())
	case double:
		return protowire.AppendFixed64(protowire.AppendTag(dst, n, protowire.Fixed64Type), math.Float64bits(s.double()))
	case fixed64s, doubles, integers:
		return protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), s.numbers(f.kind))
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), s.message(nil, f.kind, depth+1))
}

// numbers returns a packed list.
func (s *Source) numbers(k kind) (list []byte) {
	n := s.times(true)
	if n == 255 {
		n = 1000
	}
	for range n {
		switch k {
		case doubles:
			list = protowire.AppendFixed64(list, math.Float64bits(s.double()))
		case integers:
			list = protowire.AppendVarint(list, s.number())
		default:
			list = protowire.AppendFixed64(list, s.number())
		}
	}
	return list
}

func (s *Source) number() uint64 {
	switch s.Byte() % 8 {
	case 0:
		return 0
	case 1:
		return math.MaxUint64 - uint64(s.Byte())
	case 2:
		return math.MaxInt64 + uint64(s.Byte())
	case 3:
		return 1 << (s.Byte() % 64)
	case 4:
		var all [8]byte
		s.rest = s.rest[copy(all[:], s.rest):]
		return binary.LittleEndian.Uint64(all[:])
	}
	return uint64(s.Byte())
}

// small returns a signed number of 32 bits.
func (s *Source) small() int64 {
	switch s.Byte() % 8 {
	case 0:
		return math.MaxInt32 - int64(s.Byte())
	case 1:
		return math.MinInt32 + int64(s.Byte())
	case 2:
		return 1 << (s.Byte() % 31)
	case 3:
		return -1 << (s.Byte() % 31)
	}
	return int64(s.Byte()) - 128
}

func (s *Source) double() float64 {
	switch s.Byte() % 8 {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1)
	case 2:
		return math.Inf(-1)
	case 3:
		return math.MaxFloat64
	case 4:
		return math.Float64frombits(s.number())
	}
	return float64(s.Byte())/4 - 32
}

// text often returns a string with a meaning for some component.
func (s *Source) text() string {
	texts := [...]string{
		"", "a", "b", "business_id", "business.id", "service.name", "host.name", "severity", "level", "log.level", "process.pid",
		"deployment.environment", "deployment.environment.name", "le", "\xff\xfe", "\x00", "line\nfeed", "\u202e", `,"deadLetter":{}}`,
		"error", "tenant-b", "<script>",
	}
	b := int(s.Byte())
	if b < 200 {
		return texts[b%len(texts)]
	}
	n := min(b-200, len(s.rest))
	t := string(s.rest[:n])
	s.rest = s.rest[n:]
	return t
}
