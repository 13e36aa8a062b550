// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/yamlnode"
)

// merge gives dst the content of src. It does not touch nodes that have this content
// already, so that their comments, order and style stay.
func merge(dst, src *yaml.Node) {
	switch {
	case dst.Kind == yaml.MappingNode && src.Kind == yaml.MappingNode:
		mergeMapping(dst, src)
	case dst.Kind == yaml.SequenceNode && src.Kind == yaml.SequenceNode:
		mergeSequence(dst, src)
	case dst.Kind == yaml.ScalarNode && src.Kind == yaml.ScalarNode:
		if dst.Value != src.Value {
			dst.Value, dst.Tag, dst.Style = src.Value, src.Tag, src.Style
		}
	default:
		dst.Kind, dst.Tag, dst.Value, dst.Style = src.Kind, src.Tag, src.Value, src.Style
		dst.Content, dst.Alias, dst.Anchor = src.Content, nil, ""
	}
}

func mergeMapping(dst, src *yaml.Node) {
	for i := 0; i+1 < len(dst.Content); {
		if yamlnode.Get(src, dst.Content[i].Value) == nil {
			dst.Content = slices.Delete(dst.Content, i, i+2)
			continue
		}
		i += 2
	}
	for i := 0; i+1 < len(src.Content); i += 2 {
		if v := yamlnode.Get(dst, src.Content[i].Value); v != nil {
			merge(v, src.Content[i+1])
			continue
		}
		dst.Content = append(dst.Content, src.Content[i], src.Content[i+1])
	}
}

// mergeSequence keeps the items of dst that have the name of an item of src, in the
// order of src.
func mergeSequence(dst, src *yaml.Node) {
	var items []*yaml.Node
	for _, s := range src.Content {
		i := slices.IndexFunc(dst.Content, func(d *yaml.Node) bool { return name(d) == name(s) })
		if i < 0 {
			items = append(items, s)
			continue
		}
		merge(dst.Content[i], s)
		items = append(items, dst.Content[i])
	}
	if len(dst.Content) == 0 {
		dst.Style = src.Style
	}
	dst.Content = items
}

// name identifies an item of a list: it is the value of its id, or its text.
func name(n *yaml.Node) string {
	if id := yamlnode.Get(n, "id"); id != nil {
		return id.Value
	}
	return n.Value
}
