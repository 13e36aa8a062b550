// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package durations finds durations of a configuration that were written without a unit.
//
// The collector reads a number such as 5 as five nanoseconds, which is never intended.
package durations

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// least is shorter than any duration that makes sense in a configuration.
const least = time.Microsecond

// maxDepth is more than any configuration has.
const maxDepth = 16

// Check returns an error for each duration in cfg, a pointer to a struct with mapstructure
// tags, that is above zero and shorter than a microsecond. It names the keys.
func Check(cfg any) error {
	var errs []error
	walk(reflect.ValueOf(cfg), "", 0, func(key string, d time.Duration) {
		if d > 0 && d < least {
			errs = append(errs, fmt.Errorf("`%s` is %v: write a unit, such as %ds", key, d, int64(d)))
		}
	})
	return errors.Join(errs...)
}

func walk(v reflect.Value, key string, depth int, visit func(string, time.Duration)) {
	if depth > maxDepth {
		return
	}
	if inner, ok := optional(v); ok {
		walk(inner, key, depth+1, visit)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), key, depth+1, visit)
		}
	case reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			visit(key, time.Duration(v.Int()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, options, tagged := strings.Cut(field.Tag.Get("mapstructure"), ",")
			if !field.IsExported() || name == "-" {
				continue
			}
			inner := key
			if !strings.Contains(options, "squash") || !tagged {
				if name == "" {
					name = strings.ToLower(field.Name)
				}
				inner = join(key, name)
			}
			walk(v.Field(i), inner, depth+1, visit)
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			walk(entry.Value(), join(key, fmt.Sprint(entry.Key())), depth+1, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), join(key, fmt.Sprint(i)), depth+1, visit)
		}
	}
}

// optional returns what is in a configoptional.Optional, which has no fields of its own.
func optional(v reflect.Value) (inner reflect.Value, ok bool) {
	if v.Kind() != reflect.Struct || !strings.HasPrefix(v.Type().Name(), "Optional[") {
		return reflect.Value{}, false
	}
	if !v.CanAddr() { // in a map
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		v = copied.Elem()
	}
	get := v.Addr().MethodByName("Get")
	if !get.IsValid() || get.Type().NumIn() != 0 || get.Type().NumOut() != 1 {
		return reflect.Value{}, false
	}
	return get.Call(nil)[0], true
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "::" + name
}
