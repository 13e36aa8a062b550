// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
	"strings"
)

const referenceHead = `# Configuration reference

<!-- Written by internal/tools/schema from the code of the components. Do not edit. -->

Every setting of the components of this project, with its default. The READMEs of the components explain how to use them.

| type | how to write it |
|---|---|
| duration | a number with a unit: ` + "`500ms`, `30s`, `5m`, `24h`" + ` |
| size | bytes, or a number with a unit: ` + "`1048576`, `64MiB`, `1GB`" + ` |
| ID | the name of another component, such as ` + "`file_storage` or `file_storage/queues`" + ` |
| list of … | ` + "`[a, b]`" + `, or one item per line after a dash |
| optional | a group that is off until it is in the file. ` + "`enabled: false`" + ` in it switches it off again |

In any value, ` + "`${env:NAME}` and `${env:NAME:-default}`" + ` are replaced by an environment variable, and ` + "`${file:PATH}`" + ` by the content of a file. NAME in a
key is a name of your choice.

The settings of servers and clients are those of the collector, ` + collectorVersion + `. The
[JSON schema](schema/otelcol-tenant.schema.json) checks names and types while you edit. Editors with the YAML language server use it if
the first line of the file is ` + "`# yaml-language-server: $schema=URL`" + `, with the schema's address or a path relative to the file. ` + "[`otelcol-tenant validate`](run-gateway.md#change-the-configuration) checks values, and [`tenantctl lint`](lint.md)" + ` what is insecure.
`

// titles of the sections.
var titles = map[string]string{"receivers": "Receivers", "processors": "Processors", "exporters": "Exporters", "extensions": "Extensions"}

// reference returns the document.
func reference(components []described) []byte {
	var out bytes.Buffer
	out.WriteString(referenceHead)
	section := ""
	for i := range components {
		c := &components[i]
		if !c.own {
			continue
		}
		if c.section != section {
			section = c.section
			fmt.Fprintf(&out, "\n## %s\n", titles[section])
		}
		fmt.Fprintf(&out, "\n### %s\n\n[README](..%s/README.md)\n\n| key | type | default | meaning |\n|---|---|---|---|\n", c.types[0], strings.TrimPrefix(c.path, module))
		writeRows(&out, "", c.setting)
	}
	out.WriteString("\n## Components of other projects\n\n| component | section | documentation |\n|---|---|---|\n")
	for i := range components {
		if c := &components[i]; !c.own {
			name := "`" + c.types[0] + "`"
			if len(c.types) > 1 {
				name += ", earlier `" + c.types[1] + "`"
			}
			fmt.Fprintf(&out, "| %s | %s | [%s %s](%s) |\n", name, c.section, c.path[strings.LastIndexByte(c.path, '/')+1:], collectorVersion, upstreamURL(c.path))
		}
	}
	return out.Bytes()
}

// withoutDefault removes the sentence of a comment that states the default, which has a column.
func withoutDefault(doc, def string) string {
	plain := strings.NewReplacer(" ", "", `"`, "", "`", "").Replace
	for _, begin := range []string{" Defaults to ", "Defaults to "} {
		before, after, ok := strings.Cut(doc, begin)
		if !ok || def == "" {
			continue
		}
		if text, rest, _ := strings.Cut(after+" ", ". "); plain(text) == plain(def) {
			return strings.TrimSpace(before + " " + strings.TrimSpace(rest))
		}
	}
	return doc
}

func writeRows(out *bytes.Buffer, prefix string, s *setting) {
	for i := range s.fields {
		f := &s.fields[i]
		key := prefix + f.key
		doc := withoutDefault(f.doc, f.def)
		if doc == "" {
			doc = upstreamMeaning(key)
		}
		if f.deprecated {
			doc = "Deprecated. " + doc
		}
		def := ""
		if f.def != "" {
			def = "`" + strings.ReplaceAll(f.def, "|", `\|`) + "`"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", key, f.describeType(), def, strings.ReplaceAll(doc, "|", `\|`))
		switch {
		case f.kind == kindObject:
			writeRows(out, key+"::", f.setting)
		case f.kind == kindMap && f.elem.kind == kindObject:
			writeRows(out, key+"::NAME::", f.elem)
		case f.kind == kindList && f.elem.kind == kindObject:
			writeRows(out, key+"[]::", f.elem)
		}
	}
}

// describeType returns the type as the document calls it.
func (s *setting) describeType() string {
	switch s.kind {
	case kindObject:
		if s.optional {
			return "optional"
		}
		return "group"
	case kindMap:
		if s.elem.kind == kindObject {
			return "groups by name"
		}
		return s.elem.describeType() + " by name"
	case kindList:
		return "list of " + plural(s.elem.describeType())
	case kindText:
		if len(s.enum) > 0 {
			return "`" + strings.Join(s.enum, "`, `") + "`"
		}
		return "text"
	case kindInteger:
		return "integer"
	case kindNumber:
		return "number"
	case kindBoolean:
		return "boolean"
	case kindDuration:
		return "duration"
	case kindSize:
		return "size"
	case kindID:
		return "ID"
	case kindPairs:
		return "text by name"
	}
	return "any"
}

func plural(name string) string {
	if strings.HasSuffix(name, "`") {
		return name
	}
	return name + "s"
}
