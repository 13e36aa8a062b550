package cumulative

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// streamID identifies a time series. It is a digest, so that it does not keep
// the attributes of every series in memory.
type streamID [sha256.Size]byte

// identity builds stream IDs while metrics are walked. Each level is a digest that
// the levels below it begin with, so that a large resource is not read again for
// each of its data points.
type identity struct {
	buf                 []byte
	pairs               []pair
	ofResource, ofScope streamID
	ofMetric            streamID
}

type pair struct {
	key   string
	value pcommon.Value
}

func (id *identity) resource(r pcommon.Resource) {
	id.buf = id.buf[:0]
	id.attributes(r.Attributes())
	id.ofResource = sha256.Sum256(id.buf)
}

func (id *identity) scope(s pcommon.InstrumentationScope) {
	id.buf = append(id.buf[:0], id.ofResource[:]...)
	id.buf = appendText(id.buf, s.Name())
	id.buf = appendText(id.buf, s.Version())
	id.attributes(s.Attributes())
	id.ofScope = sha256.Sum256(id.buf)
}

func (id *identity) metric(m pmetric.Metric) {
	id.buf = append(id.buf[:0], id.ofScope[:]...)
	id.buf = appendText(id.buf, m.Name())
	id.buf = appendText(id.buf, m.Unit())
	id.buf = append(id.buf, byte(m.Type()))
	id.ofMetric = sha256.Sum256(id.buf)
}

func (id *identity) point(attributes pcommon.Map) streamID {
	id.buf = append(id.buf[:0], id.ofMetric[:]...)
	id.attributes(attributes)
	return sha256.Sum256(id.buf)
}

// appendText writes the length first, so that no two lists of texts look alike.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// attributes appends m, whose order makes no difference. A key that m has several
// times is taken each time.
func (id *identity) attributes(m pcommon.Map) {
	id.buf = binary.AppendUvarint(id.buf, uint64(m.Len())) //nolint:gosec // not negative
	id.pairs = id.pairs[:0]
	for k, v := range m.All() {
		id.pairs = append(id.pairs, pair{k, v})
	}
	slices.SortStableFunc(id.pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for _, p := range id.pairs {
		id.buf = appendText(id.buf, p.key)
		id.buf = append(id.buf, byte(p.value.Type()))
		id.buf = appendText(id.buf, p.value.AsString())
	}
}
