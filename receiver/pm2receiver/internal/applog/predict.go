// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

const (
	// maxNodes is how many names a keyPredictor knows, and maxNode how long one may be.
	// Node 0 is none, and the start of each line.
	maxNodes = 64
	maxNode  = 64
	// maxUnknown is how many names may be unknown after the memory is full before it is
	// emptied: then the lines of the file are others.
	maxUnknown = 4096
)

// keyPredictor remembers the names in the JSON lines of a file and which followed which.
// Most lines of a file have the same names in the same order, so that a name is mostly
// found by one comparison, with what it means. It never changes what is read. The zero
// value is ready.
type keyPredictor struct {
	nodes   []keyNode
	at      uint8 // the last name
	unknown int
}

// keyNode is a name.
type keyNode struct {
	// text is the name as JSON writes it, with quotes and colon.
	text string
	// row is what a field of this name means in the line's object.
	row uint8
	// reserved is whether it may be a name of an attribute that the receiver sets.
	reserved bool
	// size is how many fields or elements its last values had.
	size uint8
	// following are the names that followed last, the latest first.
	following [2]uint8
}

// begin starts another line. Only here nodes are given to other names: what is read of a
// line relies on them.
func (p *keyPredictor) begin() {
	p.at = 0
	if p.unknown > maxUnknown {
		*p = keyPredictor{}
	}
}

// next returns the node of the name that b begins with if it is as predicted, or else 0.
func (p *keyPredictor) next(b []byte) uint8 {
	if int(p.at) >= len(p.nodes) {
		return 0
	}
	last := &p.nodes[p.at]
	for i, node := range last.following {
		if node == 0 {
			return 0
		}
		if text := p.nodes[node].text; len(b) >= len(text) && string(b[:len(text)]) == text {
			if i != 0 {
				last.following[0], last.following[1] = node, last.following[0]
			}
			p.at = node
			return node
		}
	}
	return 0
}

// learn takes note of a name that was not predicted, and returns its node or 0. b begins
// with it.
func (p *keyPredictor) learn(b, name []byte) uint8 {
	n := len(name) + len(`"":`)
	if len(name) > maxNode || len(b) < n || b[n-2] != '"' || b[n-1] != ':' || !bytes.Equal(b[1:n-2], name) { // not as it is written
		p.at = 0
		return 0
	}
	if p.nodes == nil {
		p.nodes = make([]keyNode, 1, 16)
	}
	node := 0
	for i := 1; i < len(p.nodes); i++ {
		if p.nodes[i].text == string(b[:n]) {
			node = i
			break
		}
	}
	if node == 0 {
		if len(p.nodes) == maxNodes {
			p.unknown++
			p.at = 0
			return 0
		}
		node = len(p.nodes)
		p.nodes = append(p.nodes, keyNode{text: string(b[:n]), row: known.of(name), reserved: reserved(name)})
	}
	last := &p.nodes[p.at]
	last.following[0], last.following[1] = uint8(node), last.following[0]
	p.at = uint8(node)
	return p.at
}

// reserved says whether a field may have the name of an attribute that the receiver sets:
// log.…, pm2.…, exception.….
func reserved(name []byte) bool {
	return bytes.HasPrefix(name, []byte("log.")) || bytes.HasPrefix(name, []byte("pm2.")) || bytes.HasPrefix(name, []byte("exception."))
}

// reserved says the same of a name whose node may be 0.
func (p *keyPredictor) reserved(node uint8) bool {
	return node == 0 || p.nodes[node].reserved
}

// maxSize bounds the size that is expected of a value: no name makes every small object a
// large one.
const maxSize = 64

// sizeOf returns how many fields or elements the value of a name is expected to have, or 0
// if nothing is known.
func (p *keyPredictor) sizeOf(node uint8) int {
	if node == 0 {
		return 0
	}
	return int(p.nodes[node].size)
}

// setSize notes the size of a value. What is expected falls slowly, so that a name whose
// values differ has capacity for most of them.
func (p *keyPredictor) setSize(node uint8, size int) {
	if node != 0 {
		n := &p.nodes[node]
		n.size = uint8(max(min(size, maxSize), int(n.size)-1))
	}
}

// name returns a name, whose node may be 0, as a string. Records share the text of a node.
func (p *keyPredictor) name(node uint8, name []byte, mem *slab.Slab) string {
	if node == 0 {
		return mem.String(name)
	}
	text := p.nodes[node].text
	return text[1 : len(text)-len(`":`)]
}

// rowOf returns the row of a name, whose node may be 0.
func (p *keyPredictor) rowOf(node uint8, name []byte) uint8 {
	if node == 0 {
		return known.of(name)
	}
	return p.nodes[node].row
}
