package cumulative

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// streamID identifies a time series. It is a digest, so that it does not keep
// the attributes of every series in memory.
type streamID [sha256.Size]byte

// identity builds stream IDs while metrics are walked: each level keeps what the
// levels above it wrote.
type identity struct {
	buf                                []byte
	endResource, endScope, endOfMetric int
}

func (id *identity) resource(r pcommon.Resource) {
	id.buf = appendMap(id.buf[:0], r.Attributes())
	id.endResource = len(id.buf)
}

func (id *identity) scope(s pcommon.InstrumentationScope) {
	id.buf = appendText(id.buf[:id.endResource], s.Name())
	id.buf = appendText(id.buf, s.Version())
	id.buf = appendMap(id.buf, s.Attributes())
	id.endScope = len(id.buf)
}

func (id *identity) metric(m pmetric.Metric) {
	id.buf = appendText(id.buf[:id.endScope], m.Name())
	id.buf = appendText(id.buf, m.Unit())
	id.buf = append(id.buf, byte(m.Type()))
	id.endOfMetric = len(id.buf)
}

func (id *identity) point(attributes pcommon.Map) streamID {
	id.buf = appendMap(id.buf[:id.endOfMetric], attributes)
	return sha256.Sum256(id.buf)
}

// appendText writes the length first, so that no two lists of texts look alike.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendMap(b []byte, m pcommon.Map) []byte {
	b = binary.AppendUvarint(b, uint64(m.Len()))
	keys := make([]string, 0, m.Len())
	for k := range m.All() {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		v, _ := m.Get(k)
		b = appendText(b, k)
		b = append(b, byte(v.Type()))
		b = appendText(b, v.AsString())
	}
	return b
}
