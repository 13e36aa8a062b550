package registryfile

import (
	"strconv"
	"strings"
)

// mapping calls f for every key of n. A node of another kind and a key that
// occurs twice are faults. It reports whether n is a mapping.
func (d *decoder) mapping(n *node, path string, f func(key string, k, v *node)) bool {
	if n.kind != kindMapping {
		d.fault(n, path, "must be a mapping")
		return false
	}
	for i := 0; i+1 < len(n.content); i += 2 {
		k, v := n.content[i], n.content[i+1]
		if k.kind > kindBinary {
			d.fault(k, path, "has a key that is not text")
			continue
		}
		if hasKey(n.content[:i], k.value) {
			d.fault(k, join(path, k.value), "is there twice")
			continue
		}
		f(k.value, k, v)
	}
	return true
}

func hasKey(content []*node, key string) bool {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].kind <= kindBinary && content[i].value == key {
			return true
		}
	}
	return false
}

// sequence calls f for every item of n and reports whether n is a list.
func (d *decoder) sequence(n *node, path string, f func(i int, v *node)) bool {
	if n.kind != kindSequence {
		d.fault(n, path, "must be a list")
		return false
	}
	for i, v := range n.content {
		f(i, v)
	}
	return true
}

// text returns a scalar as it is written, so that an ID such as 0123 stays what
// it is. It returns "" after a fault.
func (d *decoder) text(n *node, path string) string {
	switch {
	case n.kind > kindBinary:
		d.fault(n, path, "must be a single value")
	case n.kind == kindNull || n.value == "":
		d.fault(n, path, "must not be empty; leave it out instead")
	case n.kind == kindBinary:
		d.fault(n, path, "must be text")
	default:
		if err := checkText(n.value); err != nil {
			d.fault(n, path, "%v", err)
			return ""
		}
		return n.value
	}
	return ""
}

func (d *decoder) oneOf(n *node, path string, allowed ...string) string {
	text := d.text(n, path)
	for _, a := range allowed {
		if text == a {
			return text
		}
	}
	if text != "" {
		d.fault(n, path, "%q must be one of %s", text, strings.Join(allowed, ", "))
	}
	return text
}

func (d *decoder) count(n *node, path string) int64 {
	text := d.text(n, path)
	if text == "" {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		d.fault(n, path, "%q is not a whole number", text)
	case v < 0:
		d.fault(n, path, "must not be negative")
	}
	return v
}

// texts decodes a mapping of text to text. check gets each name and returns
// what is wrong with it.
func (d *decoder) texts(n *node, path string, check func(name string) error) map[string]string {
	out := make(map[string]string)
	d.mapping(n, path, func(key string, k, v *node) {
		at := join(path, key)
		if err := check(key); err != nil {
			d.fault(k, at, "%v", err)
		}
		out[key] = d.text(v, at)
	})
	return out
}

// idOf returns the ID of an entry for messages, as far as there is one.
func idOf(n *node) string {
	if n.kind != kindMapping {
		return ""
	}
	for i := 0; i+1 < len(n.content); i += 2 {
		if n.content[i].value == "id" {
			return n.content[i+1].value
		}
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
