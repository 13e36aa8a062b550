// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
)

// Attribute is an attribute that has one right value, whatever the sender wrote, such as
// the tenant's ID.
type Attribute struct{ Key, Value string }

// stamp makes m have the attribute exactly once, with the right value, and
// returns how many wrong ones it had.
func (a Attribute) stamp(m pcommon.Map) int {
	wrong := a.enforce(m)
	if _, ok := m.Get(a.Key); !ok {
		m.PutStr(a.Key, a.Value)
	}
	return wrong
}

// enforce is stamp for places that need not have the attribute. On the wire a key may
// occur several times in one list: Map.Get returns the first, and a backend may use the
// last, so enforce checks all of them. It removes look-alikes of the key. It allocates
// only if there is something to change.
func (a Attribute) enforce(m pcommon.Map) (wrong int) {
	if !a.isIn(m) {
		return 0
	}
	first := true
	m.RemoveIf(func(key string, v pcommon.Value) bool {
		if key != a.Key {
			if !a.looksLike(key) {
				return false
			}
			wrong++
			return true
		}
		if v.Type() != pcommon.ValueTypeStr || v.Str() != a.Value {
			wrong++
			v.SetStr(a.Value)
		}
		again := !first
		first = false
		return again
	})
	return wrong
}

// isIn reports whether m has the attribute or a look-alike.
func (a Attribute) isIn(m pcommon.Map) bool {
	for key := range m.All() {
		if a.looksLike(key) {
			return true
		}
	}
	return false
}

// looksLike reports whether key is a.Key, or becomes the same label.
func (a Attribute) looksLike(key string) bool { return lookalike.Is(key, a.Key) }
