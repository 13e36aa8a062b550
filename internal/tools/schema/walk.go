// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

// describe returns all components with their settings, in the order of sections.
func describe(sections []section) ([]described, error) {
	docs := newComments()
	var all []described
	for _, s := range sections {
		for _, c := range s.components {
			w := &walker{docs: docs}
			root := w.setting(reflect.TypeOf(c.factory.CreateDefaultConfig()), reflect.ValueOf(c.factory.CreateDefaultConfig()))
			if w.err != nil {
				return nil, fmt.Errorf("%s: %w", c.path, w.err)
			}
			root.open = root.open && !strictPackages(c.path)
			all = append(all, described{section: s.name, types: c.types(), path: c.path, own: isOwn(c.path), setting: root})
		}
	}
	return all, nil
}

func isOwn(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// strictPackages reports whether the methods Unmarshal of a package's types only set defaults or
// reject settings, so that all keys are those of the fields. Components with other methods take
// keys that no field has.
func strictPackages(path string) bool {
	return isOwn(path) || strings.HasPrefix(path, "go.opentelemetry.io/collector/")
}

// walker describes types.
type walker struct {
	docs  *comments
	stack []reflect.Type
	err   error
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	confUnmarshaler = reflect.TypeFor[confmap.Unmarshaler]()
)

// setting describes the type t with the default v, which may be invalid.
func (w *walker) setting(t reflect.Type, v reflect.Value) *setting {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &setting{kind: kindDuration, own: len(w.stack) > 0 && isOwn(w.stack[len(w.stack)-1].PkgPath())}
	case reflect.TypeFor[bytesize.Size]():
		return &setting{kind: kindSize}
	case reflect.TypeFor[component.ID]():
		return &setting{kind: kindID}
	case reflect.TypeFor[configopaque.String]():
		return &setting{kind: kindText}
	case reflect.TypeFor[configopaque.MapList]():
		return &setting{kind: kindPairs}
	}
	if inner, ok := optionalOf(t); ok {
		s := w.setting(inner, insideOptional(t, v))
		copied := *s
		copied.optional = true
		return &copied
	}
	if t.Kind() == reflect.Pointer {
		if v.IsValid() && !v.IsNil() {
			return w.setting(t.Elem(), v.Elem())
		}
		return w.setting(t.Elem(), reflect.Value{})
	}
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return &setting{kind: kindText, enum: w.enum(t)}
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.object(t, v)
	case reflect.Map:
		return &setting{kind: kindMap, elem: w.setting(t.Elem(), reflect.Value{})}
	case reflect.Slice, reflect.Array:
		return &setting{kind: kindList, elem: w.setting(t.Elem(), reflect.Value{})}
	case reflect.String:
		return &setting{kind: kindText, enum: w.enum(t)}
	case reflect.Bool:
		return &setting{kind: kindBoolean}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &setting{kind: kindInteger}
	case reflect.Float32, reflect.Float64:
		return &setting{kind: kindNumber}
	}
	return &setting{kind: kindAny}
}

func (w *walker) object(t reflect.Type, v reflect.Value) *setting {
	if slices.Contains(w.stack, t) { // a type that contains itself
		return &setting{kind: kindAny}
	}
	w.stack = append(w.stack, t)
	defer func() { w.stack = w.stack[:len(w.stack)-1] }()
	own := isOwn(t.PkgPath())
	s := &setting{kind: kindObject, goPkg: t.PkgPath(), name: t.Name(), own: own}
	unmarshals := reflect.PointerTo(t).Implements(confUnmarshaler)
	if !v.IsValid() && unmarshals {
		v = unmarshaled(t)
	}
	if unmarshals && !strictPackages(t.PkgPath()) {
		s.open = true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("mapstructure")
		key, options, _ := strings.Cut(tag, ",")
		inner := reflect.Value{}
		if v.IsValid() {
			inner = v.Field(i)
		}
		switch {
		case f.Name == "_" || !f.IsExported() && !f.Anonymous:
			continue
		case strings.Contains(options, "remain"):
			s.open = true
			continue
		case key == "-":
			s.open = s.open || unmarshals
			continue
		case strings.Contains(options, "squash"):
			squashed := w.setting(f.Type, inner)
			s.fields = append(s.fields, squashed.fields...)
			s.open = s.open || squashed.open
			continue
		case key == "":
			if own && tagged {
				w.err = fmt.Errorf("%s.%s has no key", t, f.Name)
			}
			key = strings.ToLower(f.Name)
		}
		field := field{key: key, setting: w.setting(f.Type, inner), goField: t.Name() + "." + f.Name, goPkg: t.PkgPath()}
		if own {
			field.doc, field.deprecated = w.docs.field(t, f.Name)
		}
		field.def = defaultOf(inner, field.setting)
		s.fields = append(s.fields, field)
	}
	slices.SortStableFunc(s.fields, func(a, b field) int {
		return strings.Compare(a.key, b.key)
	})
	return s
}

// unmarshaled returns a value of t with the defaults that its method Unmarshal sets.
func unmarshaled(t reflect.Type) (v reflect.Value) {
	p := reflect.New(t)
	defer func() {
		if recover() != nil {
			v = reflect.Value{}
		}
	}()
	if err := p.Interface().(confmap.Unmarshaler).Unmarshal(confmap.New()); err != nil {
		return reflect.Value{}
	}
	return p.Elem()
}

// optionalOf returns the type in a configoptional.Optional.
func optionalOf(t reflect.Type) (reflect.Type, bool) {
	if t.PkgPath() != "go.opentelemetry.io/collector/config/configoptional" || !strings.HasPrefix(t.Name(), "Optional[") {
		return nil, false
	}
	get, ok := reflect.PointerTo(t).MethodByName("Get")
	if !ok {
		return nil, false
	}
	return get.Type.Out(0).Elem(), true
}

// insideOptional returns the value in an optional, or the default that it gets when it is used.
func insideOptional(t reflect.Type, v reflect.Value) reflect.Value {
	if !v.IsValid() {
		return reflect.Value{}
	}
	p := reflect.New(t)
	p.Elem().Set(v)
	out := p.MethodByName("GetOrInsertDefault").Call(nil)
	return out[0].Elem()
}

// optionalHasValue reports whether an optional is on by default.
func optionalHasValue(v reflect.Value) bool {
	m := v.MethodByName("HasValue")
	return m.IsValid() && m.Call(nil)[0].Bool()
}

// maxDefault bounds the length of a default that is shown.
const maxDefault = 100

// defaultOf returns a default as in YAML, or "" if there is none or it is empty.
func defaultOf(v reflect.Value, s *setting) string {
	if !v.IsValid() {
		return ""
	}
	if _, ok := optionalOf(v.Type()); ok {
		if s.kind == kindObject || !optionalHasValue(v) {
			return ""
		}
		v = insideOptional(v.Type(), v)
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch s.kind {
	case kindObject, kindPairs, kindAny:
		return ""
	case kindDuration:
		if v.Int() == 0 {
			return "0s"
		}
		return shortDuration(time.Duration(v.Int()))
	case kindList, kindMap:
		if v.Len() == 0 {
			return ""
		}
		var texts []string
		if v.Kind() != reflect.Map {
			for i := range v.Len() {
				texts = append(texts, fmt.Sprint(v.Index(i).Interface()))
			}
		}
		if out, err := yaml.Marshal(texts); err != nil || len(out) > maxDefault || len(texts) == 0 {
			return ""
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	text := fmt.Sprint(v.Interface())
	if _, secret := v.Interface().(configopaque.String); secret {
		return ""
	}
	if len(text) > maxDefault {
		return ""
	}
	return text
}

// shortDuration returns 1m instead of 1m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// partial are named texts whose constants are not all values.
var partial = []string{"MemoryLimit", "HeapFloor"}

// enum returns the values of a type of this project that is text with constants.
func (w *walker) enum(t reflect.Type) []string {
	if t.Kind() != reflect.String || !isOwn(t.PkgPath()) || slices.Contains(partial, t.Name()) {
		return nil
	}
	return w.docs.constants(t)
}
