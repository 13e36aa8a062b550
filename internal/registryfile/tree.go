package registryfile

import "go.yaml.in/yaml/v3"

// node is what decoding needs of a YAML node. It is small, and a tree of them
// can be used again for the next entry.
type node struct {
	kind    kind
	line    int
	value   string  // of a text
	content []*node // items, or keys and values in turn
}

type kind uint8

const (
	kindText kind = iota
	kindNull
	kindBinary
	kindMapping
	kindSequence
)

// fromYAML returns n as a node, aliases replaced by what they stand for. done
// holds what was translated before: it keeps a node that aliases repeat from
// being copied, and one that contains itself from being copied for ever.
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
