// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"errors"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
)

const (
	// maxFileBytes bounds a file that is read.
	maxFileBytes = 16 << 20
	// maxDepth bounds the nesting of settings, and of files that refer to each other.
	maxDepth = 64
	// maxValues bounds the settings, which aliases of YAML can multiply.
	maxValues = 1_000_000
)

// source reads files and remembers their lines.
type source struct {
	lookup func(string) (string, bool)
	files  map[string]*comments
	values int
}

// read returns the content of a configuration file.
func (s *source) read(path string, depth int) (*value, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	// As the collector reads it: it reports what a tree of nodes does not, such as a key that is
	// written twice.
	var decoded any
	if err := yaml.Unmarshal(data, &decoded); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.files[path] = parseComments(string(data))
	if len(doc.Content) == 0 {
		return &value{kind: kindNull, pos: position{file: path}}, nil
	}
	v, err := s.value(path, doc.Content[0], doc.Content[0], depth)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is not a regular file", path)
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("%s: has %d bytes, which is more than the limit of %d", path, info.Size(), maxFileBytes)
	}
	return os.ReadFile(path)
}

var errTooMany = errors.New("has too many settings, or settings that are nested too deeply")

// value converts the node n, which is written at key.
func (s *source) value(file string, key, n *yaml.Node, depth int) (*value, error) {
	if s.values++; s.values > maxValues || depth > maxDepth {
		return nil, errTooMany
	}
	v := &value{pos: position{file, key.Line, key.Column}}
	switch n.Kind {
	case yaml.AliasNode:
		return s.value(file, key, n.Alias, depth+1)
	case yaml.MappingNode:
		v.kind, v.fields = kindMapping, make(map[string]*value, len(n.Content)/2)
		return v, s.fields(v, file, n, depth)
	case yaml.SequenceNode:
		v.kind = kindList
		for _, item := range n.Content {
			inner, err := s.value(file, item, item, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, inner)
		}
		return v, nil
	}
	var scalar any
	if err := n.Decode(&scalar); err != nil {
		return nil, err
	}
	if scalar == nil {
		return v, nil
	}
	e := expand(n.Value, scalar, s.lookup)
	v.kind, v.written, v.scalar, v.known, v.refs = kindScalar, n.Value, e.scalar, e.known, e.refs
	return s.included(v, depth)
}

// fields adds the pairs of the mapping n to v. Pairs of a merge key come first.
func (s *source) fields(v *value, file string, n *yaml.Node, depth int) error {
	add := func(name string, field *value) {
		if _, ok := v.fields[name]; !ok {
			v.order = append(v.order, name)
		}
		v.fields[name] = field
	}
	for _, merging := range []bool{true, false} {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if (key.Tag == "!!merge") != merging {
				continue
			}
			field, err := s.value(file, key, n.Content[i+1], depth+1)
			if err != nil {
				return err
			}
			if !merging {
				add(key.Value, field)
				continue
			}
			sources := field.items
			if field.kind == kindMapping {
				sources = []*value{field}
			}
			for _, from := range sources {
				for _, name := range from.order {
					if _, ok := v.fields[name]; !ok {
						add(name, from.fields[name])
					}
				}
			}
		}
	}
	return nil
}

// included returns the settings of the file if v is a reference to a file of settings, such as
// ${file:receivers.yaml}. A file that contains a single text may be a secret and is not used.
func (s *source) included(v *value, depth int) (*value, error) {
	if len(v.refs) != 1 || v.refs[0].scheme != schemeFile || v.written != "${file:"+v.refs[0].name+"}" {
		return v, nil
	}
	data, err := readBounded(v.refs[0].name)
	if err != nil {
		return v, nil //nolint:nilerr // the collector reports it; on another machine the file may exist
	}
	var decoded any
	if yaml.Unmarshal(data, &decoded) != nil {
		return v, nil
	}
	switch decoded.(type) {
	case map[string]any, []any:
		return s.read(v.refs[0].name, depth+1)
	}
	return v, nil
}

// environment returns a lookup of variables in environment files, the last of which precedes, and
// then in the environment of the process.
func environment(files []string) (func(string) (string, bool), error) {
	var all envfile.Variables
	for _, path := range files {
		data, err := readBounded(path)
		if err != nil {
			return nil, err
		}
		variables, err := envfile.Parse(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, variables...)
	}
	set := all.Map()
	return func(name string) (string, bool) {
		if text, ok := set[name]; ok {
			return text, true
		}
		return os.LookupEnv(name)
	}, nil
}
