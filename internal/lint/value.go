// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// position is where a key, or an item of a list, is written.
type position struct {
	file         string
	line, column int // from 1
}

type kind int

const (
	kindNull kind = iota
	kindScalar
	kindList
	kindMapping
)

// value is a setting of the merged configuration, with all settings in it. The methods of a nil
// value are those of a setting that does not exist.
type value struct {
	kind kind
	pos  position

	written string // a scalar as in the file
	scalar  any    // a scalar with its references replaced, as YAML reads it; a list of texts is a []any
	known   bool   // whether all references of a scalar could be replaced
	refs    []reference

	fields map[string]*value
	order  []string // of fields
	items  []*value
}

// at returns the setting at a path of keys, or nil.
func (v *value) at(keys ...string) *value {
	for _, k := range keys {
		if v == nil {
			return nil
		}
		v = v.fields[k]
	}
	return v
}

// names returns the keys of a mapping in the order of the file.
func (v *value) names() []string {
	if v == nil {
		return nil
	}
	return v.order
}

// list returns the items of a list. As in the collector, a single text is a list of one item.
func (v *value) list() []*value {
	switch {
	case v == nil:
		return nil
	case v.kind == kindScalar && v.known:
		texts, ok := v.scalar.([]any)
		if !ok {
			return []*value{v}
		}
		var items []*value
		for _, text := range texts {
			items = append(items, &value{kind: kindScalar, pos: v.pos, written: v.written, scalar: text, known: true})
		}
		return items
	}
	return v.items
}

// text returns a scalar as text. It is empty if the setting is not set, is not a scalar, is a list in
// a variable, or is not known.
func (v *value) text() string {
	if v == nil || v.kind != kindScalar || !v.known {
		return ""
	}
	if _, isList := v.scalar.([]any); isList {
		return ""
	}
	return textOf(v.scalar)
}

// texts returns the texts of a list.
func (v *value) texts() (all []string) {
	for _, item := range v.list() {
		all = append(all, item.text())
	}
	return all
}

// isSet reports whether the setting has any value, known or not.
func (v *value) isSet() bool { return v != nil && v.kind != kindNull }

// isTrue reports whether the setting is known to be true.
func (v *value) isTrue() bool { return v.text() == "true" }

// walk calls f for every setting in v, with its path below v, in the order of the file.
func (v *value) walk(f func(path []string, v *value)) { v.walkFrom(nil, f) }

func (v *value) walkFrom(path []string, f func([]string, *value)) {
	if v == nil {
		return
	}
	if len(path) > 0 {
		f(path, v)
	}
	for _, name := range v.order {
		v.fields[name].walkFrom(append(slices.Clip(path), name), f)
	}
	for _, item := range v.items {
		item.walkFrom(path, f)
	}
}

// plain returns the setting as the collector reads it. A scalar that is not known is as in the file.
func (v *value) plain() any {
	if v == nil {
		return nil
	}
	switch v.kind {
	case kindMapping:
		m := make(map[string]any, len(v.fields))
		for name, field := range v.fields {
			m[name] = field.plain()
		}
		return m
	case kindList:
		list := make([]any, len(v.items))
		for i, item := range v.items {
			list[i] = item.plain()
		}
		return list
	case kindScalar:
		if !v.known {
			return v.written
		}
		return v.scalar
	}
	return nil
}

// textOf returns what YAML read as text again.
func textOf(scalar any) string {
	switch s := scalar.(type) {
	case nil:
		return ""
	case string:
		return s
	}
	out, err := yaml.Marshal(scalar)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// merge puts the settings of from over those of to, as the collector merges several files: mappings
// are merged, everything else is replaced. A merged mapping is where the last file has it.
func merge(to, from *value) *value {
	if to == nil || to.kind != kindMapping || from.kind != kindMapping {
		return from
	}
	to.pos = from.pos
	for _, name := range from.order {
		if _, ok := to.fields[name]; !ok {
			to.order = append(to.order, name)
		}
		to.fields[name] = merge(to.fields[name], from.fields[name])
	}
	return to
}
