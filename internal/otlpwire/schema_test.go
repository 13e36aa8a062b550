// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// place is where a message occurs in a request: the fields that lead to it.
type place struct {
	signal  tenant.Signal
	message messageID
	path    []int
}

// allPlaces returns one place for each message of the schema.
func allPlaces(t *testing.T) []place {
	t.Helper()
	var places []place
	found := map[messageID]bool{}
	for _, signal := range tenant.AllSignals() {
		places = append(places, place{signal: signal, message: root(signal)})
		found[root(signal)] = true
	}
	for i := 0; i < len(places); i++ {
		p := places[i]
		for n, f := range messages[p.message].fields {
			if n == 0 || f.kind != kindMessage || found[f.child] {
				continue // 0 is a deprecated field
			}
			found[f.child] = true
			path := slices.Concat(p.path, []int{n})
			places = append(places, place{signal: p.signal, message: f.child, path: path})
		}
	}
	require.Len(t, places, int(numMessages))
	return places
}

// json puts the members of an object into objects that lead to the place.
func (p place) json(members string) string {
	m := root(p.signal)
	before, after := "{", "}"
	for _, n := range p.path {
		f := messages[m].fields[n]
		before += `"` + f.name + `":`
		if f.list {
			before, after = before+"[", "]"+after
		}
		before, after, m = before+"{", "}"+after, f.child
	}
	return before + members + after
}

func assertAgreement(t *testing.T, p place, json bool, data []byte, what ...any) {
	t.Helper()
	counts, err := check(p.signal, json, data, Limits{})
	if err == nil && counts.Rewritten > 0 {
		data = rewritten(t, p.signal, data, counts)
	}
	if decodeErr := unmarshal(p.signal, json, data); (err == nil) != (decodeErr == nil) {
		assert.Fail(t, "pdata disagrees", "message %d, %v: check %v, pdata %v", p.message, what, err, decodeErr)
	}
}

// TestSchema compares the schema with that of pdata: in each message, each
// number with each wire type, and each name with values of each type. It fails
// when a new version of pdata knows more.
func TestSchema(t *testing.T) {
	contents := map[int][]byte{
		wireVarint: {1},
		wireI64:    make([]byte, 8),
		wireLen:    {0},
		wireI32:    make([]byte, 4),
	}
	for _, p := range allPlaces(t) {
		for number := 1; number <= 1100; number++ {
			for wire, content := range contents {
				data := append(uvarint(number<<3|wire), content...)
				assertAgreement(t, p, false, wrap(data, p.path...), number, wire)
			}
		}
		for _, f := range messages[p.message].fields {
			if f.kind == kindUnknown {
				continue
			}
			for _, name := range []string{f.name, snakeCase(f.name), f.name + "x"} {
				for _, value := range []string{
					"0", "-1", "1.5", `"1"`, `"-1"`, `"1.5"`, `"text"`, "4294967296", "2147483648", "true", "null", "{}", "[]", "[{}]", "[0]", "[-1]", "[1.5]",
					`[""]`, `""`, `"QQ=="`, `"0102030405060708"`, `"01020304050607080102030405060708"`,
					`"SEVERITY_NUMBER_INFO"`, `"AGGREGATION_TEMPORALITY_DELTA"`, `"SPAN_KIND_SERVER"`, `"STATUS_CODE_OK"`,
				} {
					assertAgreement(t, p, true, []byte(p.json(`"`+name+`":`+value)), name, value)
				}
			}
		}
	}
}
