// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// jsonOp is how a field is written in JSON.
type jsonOp uint8

const (
	jsonText    jsonOp = iota
	jsonBytes          // in base64
	jsonID             // in hexadecimal form
	jsonBool           // true or false
	jsonInt32          // number; also an enumeration
	jsonZigzag         // number, whose sign is its last bit
	jsonUint32         // number
	jsonInt64          // text
	jsonUint64         // text
	jsonDouble         // number, or a text such as NaN
	jsonMessage        // object
	jsonTexts
	jsonUint64s
	jsonDoubles
	jsonMessages
)

// jsonField is the part of a field that the JSON writer needs.
type jsonField struct {
	name   string // with quotes and colon
	op     jsonOp
	number uint8
	fixed  uint8 // size in bytes of a number that is not a varint
	child  messageID
	always bool // written even if it does not occur
	zero   bool // written if it occurs, even if it is zero, empty or false
}

// jsonFields has the fields of each message in the order in which pdata writes them. For most
// messages this is the order of the numbers.
var jsonFields = func() (all [numMessages][]jsonField) {
	order := map[messageID][]int{
		logRecord:        {1, 11, 2, 3, 5, 6, 7, 8, 9, 10, 12},
		numberPoint:      {7, 2, 3, 4, 6, 5, 8},
		histogramPoint:   {9, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12},
		summaryPoint:     {7, 2, 3, 4, 5, 6, 8},
		exemplar:         {7, 2, 3, 6, 5, 4},
		span:             {1, 2, 3, 4, 16, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		exponentialPoint: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
	}
	for id := range all {
		numbers := order[messageID(id)]
		if numbers == nil {
			for n := 1; n <= lastField; n++ {
				numbers = append(numbers, n)
			}
		}
		for _, n := range numbers {
			if f := &messages[id].fields[n]; f.kind != kindUnknown {
				all[id] = append(all[id], newJSONField(messageID(id), n, f))
			}
		}
	}
	return all
}()

func newJSONField(id messageID, number int, f *field) jsonField {
	j := jsonField{name: `"` + f.name + `":`, number: uint8(number), child: f.child, zero: f.once == oneof}
	switch f.wire {
	case wireI64:
		j.fixed = 8
	case wireI32:
		j.fixed = 4
	}
	j.op = map[kind]jsonOp{
		kindString: jsonText, kindBytes: jsonBytes, kindID: jsonID, kindBool: jsonBool, kindInt32: jsonInt32, kindUint32: jsonUint32,
		kindInt64: jsonInt64, kindUint64: jsonUint64, kindDouble: jsonDouble, kindEnum: jsonInt32, kindMessage: jsonMessage,
	}[f.kind]
	switch {
	case f.list:
		j.op = map[kind]jsonOp{kindString: jsonTexts, kindUint64: jsonUint64s, kindDouble: jsonDoubles, kindMessage: jsonMessages}[f.kind]
	case f.kind == kindMessage:
		j.always = f.once != oneof
	case id == histogramPoint && (number == 5 || number == 11 || number == 12),
		id == exponentialPoint && (number == 5 || number == 12 || number == 13):
		j.zero = true // optional in OTLP
	case id == exponentialPoint && number == 6, id == exponentialBuckets && number == 1:
		j.op = jsonZigzag // sint32 in OTLP
	}
	return j
}

// jsonValues are the fields of an AnyValue by number.
var jsonValues = func() (all [lastField + 1]*jsonField) {
	for i := range jsonFields[anyValue] {
		f := &jsonFields[anyValue][i]
		all[f.number] = f
	}
	return all
}()
