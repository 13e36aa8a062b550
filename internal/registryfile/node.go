// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import "go.yaml.in/yaml/v3"

// node has what the decoder needs of a YAML node. It is small, and a tree of nodes
// can be reused for the next entry.
type node struct {
	kind    kind
	line    int
	value   string  // of a scalar
	content []*node // items, or alternating keys and values
}

type kind uint8

const (
	kindText kind = iota
	kindNull
	kindBinary
	kindMapping
	kindSequence
)

// fromYAML returns n as a node, with aliases replaced by their anchors. done holds
// the nodes that were converted before: a node that aliases repeat is not copied,
// and one that contains itself does not recurse without end.
func fromYAML(n *yaml.Node, done map[*yaml.Node]*node) *node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if out, ok := done[n]; ok {
		return out
	}
	out := &node{line: n.Line}
	done[n] = out
	switch n.Kind {
	case yaml.MappingNode:
		out.kind = kindMapping
	case yaml.SequenceNode:
		out.kind = kindSequence
	default:
		out.value = n.Value
		switch n.ShortTag() {
		case "!!null":
			out.kind = kindNull
		case "!!binary":
			out.kind = kindBinary
		}
	}
	for _, c := range n.Content {
		out.content = append(out.content, fromYAML(c, done))
	}
	return out
}
