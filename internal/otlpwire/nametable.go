// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// nameTable is a hash table of the names of the fields of a message, in camelCase and in
// snake_case. At most half of it is used.
type nameTable struct {
	names [64]string
	field [64]uint8
}

func nameHash(first, last byte, length int) uint8 {
	return (first*5 ^ last*3 + uint8(length)*7) & 63
}

func (t *nameTable) add(name string, field uint8) {
	i := nameHash(name[0], name[len(name)-1], len(name))
	for t.names[i] != "" {
		i = (i + 1) & 63
	}
	t.names[i], t.field[i] = name, field
}

// find returns the number of the field with this name, or -1.
func (t *nameTable) find(name []byte) int {
	i := nameHash(name[0], name[len(name)-1], len(name))
	for ; t.names[i] != ""; i = (i + 1) & 63 {
		if t.names[i] == string(name) {
			return int(t.field[i])
		}
	}
	return -1
}
