// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each name occurs once, in the place of its first pair and with the value of its last one,
// whether it was searched for in the list or in the map.
func TestPairs_EqualAnotherWay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p := pairs{most: 3 * maxLinear}
	for range 2000 {
		p.reset()
		var names []string
		values, dropped := map[string]string{}, 0
		few := 1 + random.IntN(5*maxLinear)
		for i := range random.IntN(8 * maxLinear) {
			name, value := strconv.Itoa(random.IntN(few)), strconv.Itoa(i%7)
			if value == "0" {
				value = ""
			}
			p.add(name, value)
			switch _, has := values[name]; {
			case value == "":
			case len(names) >= p.most:
				dropped++
			case has:
				values[name] = value
			default:
				names = append(names, name)
				values[name] = value
			}
		}
		want := []pair{}
		for _, name := range names {
			want = append(want, pair{name, values[name]})
		}
		assert.Equal(t, want, append([]pair{}, p.list...))
		assert.Equal(t, dropped, p.dropped)
	}
}

// Attributes are unique, although nothing searches them.
func TestAttributes_OfEqualNames(t *testing.T) {
	var many strings.Builder
	for i := range 4 * maxLinear {
		fmt.Fprintf(&many, `,"k%d":"%d"`, i%(2*maxLinear), i)
	}
	r := mustJSON(t, `{"streams":[{"stream":{"a":"1","service_name":"s","a":"2","service.name":"t"`+many.String()+`},"values":[
		["-1","x",{"m":"1","loki.timestamp":"forged","trace_id":"0af7651916cd43dd8448eb211c80319c","m":"2","trace_id":"other"`+many.String()+`}]]}]}`)
	got := records(r.Logs)[0]
	resource := r.Logs.ResourceLogs().At(0).Resource().Attributes()
	attributes := r.Logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
	assert.Len(t, got.Resource, resource.Len())
	assert.Len(t, got.Attributes, attributes.Len())
	assert.Equal(t, "2", got.Resource["a"])
	assert.Equal(t, "t", got.Resource["service.name"])
	assert.Len(t, got.Resource, 2+2*maxLinear)
	assert.Equal(t, "2", got.Attributes["m"])
	assert.Equal(t, "0s-1ns", got.Attributes[timestampAttribute], "a mark counts before metadata of its name")
	assert.Equal(t, "other", got.Attributes["trace_id"])
	assert.Empty(t, got.Trace)
	assert.Len(t, got.Attributes, 3+2*maxLinear)
}
