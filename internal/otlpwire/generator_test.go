// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxGenerated is how deeply generated messages are nested.
const maxGenerated = 20

// generator writes requests by the schema. Its choices are bytes, so that a fuzz
// engine makes them; when they are used up, it comes to an end.
type generator struct {
	choices []byte
	// standard is for requests in JSON that the definition of OTLP knows: no
	// deprecated field, nothing twice, nothing that is damaged.
	standard bool
	// plain is for requests in protobuf in the form that SDKs write.
	plain bool
}

// upTo returns a number below n.
func (g *generator) upTo(n int) int {
	if len(g.choices) == 0 {
		return 0
	}
	c := g.choices[0]
	g.choices = g.choices[1:]
	return int(c) % n
}

// oneIn is true once in n times.
func (g *generator) oneIn(n int) bool { return g.upTo(n) == n-1 }

func (g *generator) text() []byte {
	return bytes.Repeat([]byte("text"), 64)[:[...]int{0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 127, 128, 200}[g.upTo(13)]]
}

// varint writes n, perhaps longer than necessary.
func (g *generator) varint(n uint64) []byte {
	b := binary.AppendUvarint(nil, n)
	if !g.plain && g.oneIn(24) {
		extra := g.upTo(11 - len(b))
		if g.oneIn(250) {
			extra = 10
		}
		for range extra {
			b[len(b)-1] |= 0x80
			b = append(b, 0)
		}
	}
	return b
}

func (g *generator) number() uint64 {
	return [...]uint64{0, 1, 127, 128, 300, 1 << 31, 1 << 32, 1 << 63, 1<<64 - 1}[g.upTo(9)]
}

// fields returns how many fields a message has: more near the root.
func (g *generator) fields(depth int) int {
	if depth > maxGenerated-5 {
		return 2 + g.upTo(6)
	}
	return g.upTo(6)
}

// proto writes a message.
func (g *generator) proto(id messageID, depth int) []byte {
	var out []byte
	seen := uint32(0)
	for range g.fields(depth) {
		number, f := 0, &field{}
		switch g.upTo(20) {
		case 19:
			number = 1 + g.upTo(40)
			if number <= lastField {
				f = &messages[id].fields[number]
			}
		case 18:
			number, f = deprecatedField, &messages[id].fields[0]
		default:
			number = g.upTo(lastField)
			for f.kind == kindUnknown {
				number = 1 + number%lastField
				f = &messages[id].fields[number]
			}
		}
		s := newScanField(number, *f)
		if g.plain {
			if number > lastField || f.kind == kindUnknown || s.op == scanNothing || seen&s.bit != 0 {
				continue
			}
			seen |= s.bit
		}
		wire := f.wire
		if f.kind == kindUnknown {
			wire = [...]uint8{wireVarint, wireI64, wireLen, wireI32}[g.upTo(4)]
			if g.oneIn(10) {
				wire = wireStartGroup + uint8(g.upTo(2))
			}
		} else if g.oneIn(400) && !g.plain || f.list && wire != wireLen && (g.oneIn(2) || g.plain) {
			wire = wireLen
		}
		out = append(out, g.varint(uint64(number)<<3|uint64(wire))...)
		switch wire {
		case wireVarint:
			n := g.number()
			if g.plain && s.size < 64 {
				n &= 1<<s.size - 1
			}
			out = append(out, g.varint(n)...)
		case wireI64:
			out = binary.LittleEndian.AppendUint64(out, g.number())
		case wireI32:
			out = binary.LittleEndian.AppendUint32(out, uint32(g.number()))
		case wireLen:
			content := g.content(f, depth)
			out = append(append(out, g.varint(uint64(len(content)))...), content...)
		}
	}
	return out
}

func (g *generator) content(f *field, depth int) (content []byte) {
	switch {
	case f.kind == kindMessage:
		if depth > 0 {
			return g.proto(f.child, depth-1)
		}
		return nil
	case f.kind == kindID:
		if g.oneIn(100) && !g.plain {
			return make([]byte, 5)
		}
		return make([]byte, int(f.idSize)*g.upTo(2))
	case f.list && f.wire == wireI64:
		return make([]byte, 8*g.upTo(20))
	case f.list && f.wire == wireVarint:
		for range g.upTo(20) {
			content = append(content, g.varint(g.number())...)
		}
		return content
	}
	return g.text()
}

// json writes an object that is a message.
func (g *generator) json(id messageID, depth int) string {
	if !g.standard && g.oneIn(30) {
		return "null"
	}
	var members []string
	seen := map[string]bool{}
	for range g.fields(depth) {
		f, number := &field{}, 0
		for i := g.upTo(lastField + 1); f.kind == kindUnknown; i++ {
			number = i % (lastField + 1)
			f = &messages[id].fields[number]
		}
		if g.standard {
			group := f.name
			if f.once == oneof {
				group = "oneof"
			}
			if number == 0 || seen[group] {
				continue
			}
			seen[group] = true
		}
		name, value := f.name, ""
		switch {
		case g.oneIn(20):
			name, value = []string{"x", "Values", "resourcelogs", "\u00e9"}[g.upTo(4)], g.unknown(4)
			if g.oneIn(200) {
				name = ""
			}
			if g.standard {
				name = fmt.Sprintf("x%d", len(members))
			}
		case f.list:
			var elements []string
			for range g.upTo(5) {
				elements = append(elements, g.value(f, depth))
			}
			value = "[" + strings.Join(elements, g.space()+",") + "]"
			if g.oneIn(30) {
				value = "null"
			}
		default:
			value = g.value(f, depth)
		}
		if g.oneIn(3) {
			name = snakeCase(name)
		}
		if g.oneIn(20) && name != "" {
			i := g.upTo(len(name))
			name = fmt.Sprintf("%s\\u%04x%s", name[:i], name[i], name[i+1:])
		}
		members = append(members, fmt.Sprintf("%s\"%s\"%s:%s%s", g.space(), name, g.space(), g.space(), value))
	}
	return "{" + strings.Join(members, ",") + g.space() + "}"
}

func (g *generator) space() string {
	if g.oneIn(12) {
		return []string{" ", "\n", "\r\n", "\t "}[g.upTo(4)]
	}
	return ""
}

func (g *generator) value(f *field, depth int) string {
	pick := func(s ...string) string { return s[g.upTo(len(s))] }
	if !g.standard && g.oneIn(250) && g.oneIn(4) {
		return g.unknown(2)
	}
	if g.oneIn(8) || g.standard && f.kind != kindMessage && g.oneIn(2) {
		return g.oddValue(f, pick)
	}
	switch f.kind {
	case kindMessage:
		if depth > 0 {
			return g.json(f.child, depth-1)
		}
		return "{}"
	case kindString:
		return pick(`""`, `"a"`, `"`+string(g.text())+`"`, `"a\nlonger text with \u00e9scapes\ud83d\ude00"`, "null")
	case kindBytes:
		return pick(`""`, `"AAAA"`, `"AA=="`, `"AAA="`, `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`)
	case kindID:
		return pick(`""`, `"`+strings.Repeat("0f", int(f.idSize))+`"`, `"`+strings.Repeat("F0", int(f.idSize))+`"`)
	case kindBool:
		return pick("true", "false")
	case kindDouble:
		return pick("0", "1.5", "-0.25e-3", `"1"`, `"NaN"`, "1E+300", "123456789012345678901234567890", "0.1234567890123456789012345", `"-1e5"`)
	case kindEnum:
		if g.oneIn(3) {
			return []string{
				`"SEVERITY_NUMBER_INFO"`, `"AGGREGATION_TEMPORALITY_DELTA"`, `"SPAN_KIND_SERVER"`, `"STATUS_CODE_OK"`,
			}[f.enum]
		}
		return pick("0", "2", "-1", "2147483647")
	default:
		if !g.standard && g.oneIn(40) {
			return pick("-0", "-1", "4294967295", "9223372036854775807", "18446744073709551615", "99999999999999999999", `"x"`)
		}
		return pick("0", "1", `"1"`, "2147483647", `"\u0031"`)
	}
}

// oddValue writes a value as the JSON form of protobuf allows it, which pdata does not
// read or which few senders write.
func (g *generator) oddValue(f *field, pick func(...string) string) string {
	if !f.list && g.oneIn(3) {
		return "null"
	}
	switch f.kind {
	case kindBytes:
		return pick(`"_-8="`, `"_-8"`, `"AA"`, `"AA\/A"`, `"\u0041A=="`, `"++//"`, `"AAAAA\u003d=="`)
	case kindID:
		return pick(`"\u0030`+strings.Repeat("f", 2*int(f.idSize)-1)+`"`, `"`+strings.Repeat("aB", int(f.idSize))+`"`)
	case kindEnum:
		return pick(`"NO_SUCH_NAME"`, "1.0", "1e0", "20e-1", `"\u004eO"`)
	case kindInt32, kindUint32:
		return pick("1.0", "1.7e3", `"1.0"`, `"1e3"`, "0.0", "-0", "-0.0e7", "120e-1", "2147483647.000", `"\u0031.0"`, "0e999999999999")
	case kindInt64, kindUint64:
		return pick("1.0", "1.7e18", "1.7E+18", `"1.0"`, `"1e3"`, "-0.00", "9.223372036854775807e18", `"123456.789e3"`, "10e-1", "9000000000000000000e-18")
	case kindDouble:
		return pick(`"NaN"`, `"Infinity"`, `"-Infinity"`, "-0", `"1.5e3"`, "1e308", `"0.1"`)
	case kindString:
		return pick(`"\/\b\f\r\t\u0000"`, "\"\u00e9\U0001f600\"")
	}
	return "{}"
}

// unknown writes a value without a schema.
func (g *generator) unknown(depth int) string {
	if depth > 0 {
		switch g.upTo(6) {
		case 4:
			return "[" + g.unknown(depth-1) + "," + g.unknown(depth-1) + "]"
		case 5:
			return `{"":` + g.unknown(depth-1) + `,"k":` + g.unknown(depth-1) + "}"
		}
	}
	return []string{"0", "true", "null", `"text"`, `"esc\"aped"`, "-1.5e10", "0.5", "12345678901234567890123", "0.5e38"}[g.upTo(9)]
}

// request writes a request, of which one in four is damaged.
func (g *generator) request(signal tenant.Signal, json bool) []byte {
	damage := g.oneIn(4) && !g.standard
	at, how := g.upTo(256)<<8|g.upTo(256), g.upTo(8)
	data := g.proto
	if json {
		data = func(id messageID, depth int) []byte { return []byte(g.json(id, depth)) }
	}
	request := data(root(signal), maxGenerated)
	if damage && len(request) > 0 {
		i := at % len(request)
		if json {
			damaged := []string{"", ",", "{", "]", " ", "\"", "0", "}"}[how]
			return append(append(request[:i:i], damaged...), request[i+1:]...)
		}
		request[i] ^= 1 << how
	}
	return request
}

// TestGenerated compares the check with pdata for requests of the schema, many of
// which are damaged.
func TestGenerated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	accepted, total, size := 0, 0, 0
	for range 1500 {
		choices := make([]byte, 20+rng.IntN(2000))
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		for _, signal := range tenant.AllSignals() {
			for _, json := range []bool{false, true} {
				g := generator{choices: choices}
				data := g.request(signal, json)
				if _, err := check(signal, json, data, Limits{}); err == nil {
					accepted++
					size += len(data)
				}
				total++
				compare(t, signal, json, data)
				if t.Failed() {
					t.Fatalf("%s, json %v: %q", signal, json, data)
				}
			}
		}
	}
	t.Logf("%d of %d accepted, of %d bytes on average", accepted, total, size/max(accepted, 1))
	assert.Greater(t, accepted, total/4)
}

func fuzzGenerated(f *testing.F, json bool) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(1), bytes.Repeat([]byte{1, 2, 3, 4, 5, 0, 3}, 100))
	f.Fuzz(func(t *testing.T, signal uint8, choices []byte) {
		g := generator{choices: choices}
		compare(t, signalOf(signal), json, g.request(signalOf(signal), json))
	})
}

func FuzzGeneratedProto(f *testing.F) { fuzzGenerated(f, false) }
func FuzzGeneratedJSON(f *testing.F)  { fuzzGenerated(f, true) }
