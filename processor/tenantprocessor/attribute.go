package tenantprocessor

import "go.opentelemetry.io/collector/pdata/pcommon"

// fixedAttribute is an attribute that has one right value, whatever the sender
// wrote: the tenant's ID above all.
type fixedAttribute struct{ key, value string }

// overwritten counts the attributes that named another tenant, by where they stood.
type overwritten struct{ resource, scope, record int }

// stamp makes m have the attribute exactly once, with the right value, and
// returns how many wrong ones it had.
func (a fixedAttribute) stamp(m pcommon.Map) int {
	if _, ok := m.Get(a.key); !ok {
		m.PutStr(a.key, a.value)
		return 0
	}
	return a.enforce(m)
}

// enforce is stamp for places that need not have the attribute. On the wire a
// key may stand several times in one list, of which Map.Get sees the first and
// a backend perhaps the last, so all of them are looked at. Unless there is
// something to change it does not allocate.
func (a fixedAttribute) enforce(m pcommon.Map) (wrong int) {
	if _, ok := m.Get(a.key); !ok {
		return 0
	}
	first := true
	m.RemoveIf(func(key string, v pcommon.Value) bool {
		if key != a.key {
			return false
		}
		if v.Type() != pcommon.ValueTypeStr || v.Str() != a.value {
			wrong++
			v.SetStr(a.value)
		}
		again := !first
		first = false
		return again
	})
	return wrong
}
