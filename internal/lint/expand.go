// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reference is a ${scheme:name} in a scalar.
type reference struct{ scheme, name string }

const (
	schemeEnv  = "env"
	schemeFile = "file"
)

// maxExpansions bounds the references in a scalar, and in their values.
const maxExpansions = 100

var referenceScheme = regexp.MustCompile(`(?s)^([A-Za-z][A-Za-z0-9+.-]+):(.*)$`)

// expansion is a scalar with its references replaced.
type expansion struct {
	scalar any
	known  bool
	refs   []reference
}

// expand replaces the references to environment variables in a scalar, as the collector does. A
// variable that is not set and has no default, and every other reference, makes the scalar
// unknown. scalar is what YAML reads without references.
func expand(written string, scalar any, lookup func(string) (string, bool)) expansion {
	e := expansion{scalar: scalar, known: true}
	text := written
	whole := false // the scalar is one reference, and has the type of its value
	for range maxExpansions {
		uri := findReference(text)
		if uri == "" {
			break
		}
		scheme, name := parseReference(uri)
		e.refs = append(e.refs, reference{scheme, name})
		replacement, ok := "", false
		if scheme == schemeEnv {
			variable, def, hasDefault := strings.Cut(name, ":-")
			if replacement, ok = lookup(variable); !ok && hasDefault {
				replacement, ok = def, true
			}
			e.refs[len(e.refs)-1].name = variable
		}
		if !ok {
			e.known = false
			replacement = ""
		}
		whole = text == uri
		text = strings.ReplaceAll(text, uri, replacement)
	}
	switch {
	case len(e.refs) == 0:
		if s, ok := scalar.(string); ok {
			e.scalar = strings.ReplaceAll(s, "$$", "$")
		}
		return e
	case whole && e.known:
		var v any
		if text != "" && yaml.Unmarshal([]byte(text), &v) == nil {
			switch v := v.(type) {
			case map[string]any: // a structure in a variable
				e.known = false
			case []any:
				if !slices.ContainsFunc(v, func(item any) bool { _, isText := item.(string); return !isText }) {
					e.scalar = v
					return e
				}
				e.known = false
			case string: // the collector keeps quotes
			default:
				e.scalar = v
				return e
			}
		}
	}
	e.scalar = strings.ReplaceAll(text, "$$", "$")
	return e
}

// findReference returns the first reference of text that contains no other one, or "". It applies
// the rules of the collector, by which an odd number of "$" before a reference escapes it, and
// everything behind it.
func findReference(text string) string {
	end := strings.Index(text, "}")
	if end < 0 {
		return ""
	}
	start := strings.LastIndex(text[:end+1], "${")
	if start < 0 {
		return findReference(text[end+1:])
	}
	before := strings.TrimRight(text[:start], "$")
	if (start-len(before))%2 == 1 {
		return ""
	}
	return text[start : end+1]
}

func parseReference(uri string) (scheme, name string) {
	inner := uri[2 : len(uri)-1]
	if m := referenceScheme.FindStringSubmatch(inner); m != nil {
		return m[1], m[2]
	}
	return schemeEnv, inner
}
