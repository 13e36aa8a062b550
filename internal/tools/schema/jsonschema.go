// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// object is a JSON object. Its keys are written in alphabetical order.
type object = map[string]any

// referencePattern matches texts with a reference such as ${env:NAME}, which the collector
// replaces by a value of any type.
const referencePattern = `\$\{.+\}`

// durationPattern matches what Go reads as a duration.
const durationPattern = `^[-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`

// sizePattern matches what bytesize.Size reads.
const sizePattern = `^\s*[0-9][0-9,]*(\.[0-9]*)?\s*[KMGTPEkmgtpe]?[iI]?[bB]?\s*$`

// idPattern matches the ID of a component.
const idPattern = `^\s*[A-Za-z][A-Za-z0-9_]{0,62}\s*(/.*)?$`

// jsonSchema returns a JSON schema, draft 7, of a configuration.
func jsonSchema(components []described) ([]byte, error) {
	sections := make(map[string]object)
	var order []string
	definitions := object{
		"boolean":  object{"type": []string{"boolean", "string"}, "pattern": referencePattern},
		"integer":  object{"type": []string{"integer", "string"}, "pattern": referencePattern},
		"number":   object{"type": []string{"number", "string"}, "pattern": referencePattern},
		"duration": object{"type": []string{"string", "integer"}, "pattern": durationPattern + "|" + referencePattern, "maximum": 0, "minimum": 0},
		// Upstream components accept a number of nanoseconds.
		"nanoseconds": object{"type": []string{"string", "integer"}, "pattern": durationPattern + "|" + referencePattern},
		"size":        object{"type": []string{"string", "integer"}, "pattern": sizePattern + "|" + referencePattern, "minimum": 0},
		"id":          object{"type": "string", "pattern": idPattern + "|" + referencePattern},
		"ids":         object{"type": []string{"array", "string", "null"}, "items": object{"$ref": "#/definitions/id"}},
		"pairs": object{
			"type": []string{"object", "array", "string", "null"}, "pattern": referencePattern,
			"additionalProperties": object{"type": []string{"string", "null"}},
			"items": object{
				"type": "object", "additionalProperties": false,
				"properties": object{"name": object{"type": "string"}, "value": object{"type": []string{"string", "null"}}},
			},
		},
	}
	for i := range components {
		c := &components[i]
		if sections[c.section] == nil {
			sections[c.section] = object{}
			order = append(order, c.section)
		}
		name := strings.TrimSuffix(c.section, "s") + "." + c.types[0]
		schema := c.schema()
		schema["description"] = description(c)
		definitions[name] = schema
		for _, typ := range c.types {
			sections[c.section][`^\s*`+regexp.QuoteMeta(typ)+`\s*(/.*)?$`] = object{"$ref": "#/definitions/" + name}
		}
	}
	properties := object{"service": service(), "connectors": object{
		"type": []string{"object", "string", "null"}, "pattern": referencePattern,
		"description": "The distribution has no connector.",
	}}
	for _, name := range order {
		properties[name] = object{
			"type": []string{"object", "string", "null"}, "pattern": referencePattern,
			"patternProperties": sections[name], "additionalProperties": false,
		}
	}
	root := object{
		"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://github.com/otelcol-tenant/otelcol-tenant/raw/main/docs/schema/otelcol-tenant.schema.json",
		"title": "Configuration of otelcol-tenant", "type": "object", "additionalProperties": false,
		"properties": properties, "definitions": definitions,
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return out.Bytes(), nil
}

func description(c *described) string {
	if c.own {
		return fmt.Sprintf("%s/tree/main%s", "https://"+module, strings.TrimPrefix(c.path, module))
	}
	return upstreamURL(c.path)
}

// service is the section with pipelines. Telemetry is checked loosely: it is a format of its own.
func service() object {
	ids := object{"$ref": "#/definitions/ids"}
	return object{
		"type": []string{"object", "string", "null"}, "pattern": referencePattern, "additionalProperties": false,
		"properties": object{
			"extensions": ids,
			"telemetry": object{
				"type": []string{"object", "string", "null"}, "pattern": referencePattern, "additionalProperties": false,
				"properties": object{
					"logs": loose(), "metrics": loose(), "traces": loose(), "resource": loose(),
				},
			},
			"pipelines": object{
				"type": []string{"object", "string", "null"}, "pattern": referencePattern, "additionalProperties": false,
				"patternProperties": object{
					`^\s*(logs|metrics|traces|profiles)\s*(/.*)?$`: object{
						"type": []string{"object", "string", "null"}, "pattern": referencePattern, "additionalProperties": false,
						"properties": object{"receivers": ids, "processors": ids, "exporters": ids},
					},
				},
			},
		},
	}
}

func loose() object { return object{"type": []string{"object", "string", "null"}} }

// schema returns the JSON schema of a setting.
func (s *setting) schema() object {
	ref := func(name string) object { return object{"$ref": "#/definitions/" + name} }
	switch s.kind {
	case kindObject:
		return s.objectSchema()
	case kindMap:
		return object{"type": []string{"object", "string", "null"}, "pattern": referencePattern, "additionalProperties": s.elem.schema()}
	case kindList:
		// A text is split at commas into the items of a list.
		return object{"type": []string{"array", "string", "null"}, "items": s.elem.schema()}
	case kindText:
		if len(s.enum) > 0 {
			return object{"anyOf": []object{{"enum": s.enum}, {"type": "string", "pattern": referencePattern}}}
		}
		return object{"type": []string{"string", "null"}}
	case kindInteger:
		return ref("integer")
	case kindNumber:
		return ref("number")
	case kindBoolean:
		return ref("boolean")
	case kindDuration:
		if s.own {
			return ref("duration")
		}
		return ref("nanoseconds")
	case kindSize:
		return ref("size")
	case kindID:
		return ref("id")
	case kindPairs:
		return ref("pairs")
	}
	return object{}
}

func (s *setting) objectSchema() object {
	properties := object{}
	for _, f := range s.fields {
		inner := f.schema()
		extra := object{}
		if f.doc != "" {
			extra["description"] = f.doc
		}
		if def := f.defaultJSON(); def != nil {
			extra["default"] = def
		}
		if ref, ok := inner["$ref"]; ok && len(extra) > 0 {
			// In draft 7, keywords beside $ref have no effect.
			inner = object{"allOf": []object{{"$ref": ref}}}
		}
		for k, v := range extra {
			inner[k] = v
		}
		properties[f.key] = inner
	}
	if s.optional {
		if _, ok := properties["enabled"]; !ok {
			properties["enabled"] = object{"$ref": "#/definitions/boolean"}
		}
	}
	out := object{"type": []string{"object", "string", "null"}, "pattern": referencePattern, "properties": properties}
	if !s.open {
		out["additionalProperties"] = false
	}
	return out
}

// defaultJSON returns the default in the type of JSON, or nil.
func (f *field) defaultJSON() any {
	switch f.kind {
	case kindObject, kindMap, kindList, kindAny, kindPairs:
		return nil
	case kindInteger, kindNumber, kindBoolean:
		var v any
		if json.Unmarshal([]byte(f.def), &v) != nil {
			return nil
		}
		return v
	}
	if f.def == "" {
		return nil
	}
	return f.def
}
