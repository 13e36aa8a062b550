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
	wrong := a.enforce(m)
	if _, ok := m.Get(a.key); !ok {
		m.PutStr(a.key, a.value)
	}
	return wrong
}

// enforce is stamp for places that need not have the attribute. On the wire a
// key may stand several times in one list, of which Map.Get sees the first and
// a backend perhaps the last, so all of them are looked at. Look-alikes of the
// key are removed. Unless there is something to change it does not allocate.
func (a fixedAttribute) enforce(m pcommon.Map) (wrong int) {
	if !a.isIn(m) {
		return 0
	}
	first := true
	m.RemoveIf(func(key string, v pcommon.Value) bool {
		if key != a.key {
			if !a.looksLike(key) {
				return false
			}
			wrong++
			return true
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

// isIn tells whether m has the attribute or a look-alike.
func (a fixedAttribute) isIn(m pcommon.Map) bool {
	for key := range m.All() {
		if a.looksLike(key) {
			return true
		}
	}
	return false
}

// looksLike tells whether key is a.key or becomes the same label as a.key in Prometheus,
// Mimir and Loki, which write an underscore for every character but letters,
// digits and underscores, and one for several: there business.id says whose
// data it is as business_id does.
func (a fixedAttribute) looksLike(key string) bool {
	// Nearly every other key ends here.
	if len(key) < len(a.key) || key[0] != a.key[0] || key[len(key)-1] != a.key[len(a.key)-1] {
		return false
	}
	mine := a.key
	for key != "" && mine != "" {
		var c, want byte
		c, key = labelByte(key)
		want, mine = labelByte(mine)
		if c != want {
			return false
		}
	}
	return key == "" && mine == ""
}

// labelByte returns the first byte of s as a label has it, and what is left of s.
func labelByte(s string) (c byte, rest string) {
	if alphanumeric(s[0]) {
		return s[0], s[1:]
	}
	for s != "" && !alphanumeric(s[0]) {
		s = s[1:] // the bytes of a longer character are none of them letters or digits
	}
	return '_', s
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
