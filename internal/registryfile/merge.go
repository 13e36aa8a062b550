package registryfile

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// merge makes dst say what src says and leaves alone what says it already, so
// that comments, order and style of the rest stay.
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
		if child(src, dst.Content[i].Value) == nil {
			dst.Content = slices.Delete(dst.Content, i, i+2)
			continue
		}
		i += 2
	}
	for i := 0; i+1 < len(src.Content); i += 2 {
		if v := child(dst, src.Content[i].Value); v != nil {
			merge(v, src.Content[i+1])
			continue
		}
		dst.Content = append(dst.Content, src.Content[i], src.Content[i+1])
	}
}

// mergeSequence keeps the items that have the ID, or else the text, of one in
// src, and takes the order of src.
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

// name is what an item of a list is known by: its id, or its text.
func name(n *yaml.Node) string {
	if id := child(n, "id"); id != nil {
		return id.Value
	}
	return n.Value
}

func child(m *yaml.Node, key string) *yaml.Node {
	if m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}
