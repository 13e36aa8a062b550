// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// block is a code block of a document.
type block struct {
	line     int    // of its first line of code
	language string // from the fence or from the mark "language"
	code     string
	marks    map[string]string // name to value; the value of a mark without one is ""
}

// marked reports whether the block has the mark.
func (b block) marked(name string) bool {
	_, ok := b.marks[name]
	return ok
}

// document is a parsed Markdown file.
type document struct {
	blocks  []block
	sandbox []string // what the mark "sandbox" lists
	links   []string
	anchors map[string]bool
	faults  []string
}

// blockMarks are the marks of blocks. The value says whether the mark has a value.
var blockMarks = map[string]bool{
	"needs":     true,
	"tested by": true,
	"language":  true,
	"file":      true,
	"merge":     true,
	"until":     true,
	"exit":      true,
	"validate":  true,
	"machine":   true,
	"output":    false,
	"repeat":    false,
	"diagram":   false,
	"form":      false,
}

// comment is an HTML comment that contains marks: "NAME" or "NAME: VALUE", separated by ";".
var comment = regexp.MustCompile(`(?s)<!--\s*(.*?)\s*-->`)

// parseMarks returns the marks in the HTML comments of a text. An error names text that is no
// mark: the comments before a code block contain nothing else.
func parseMarks(html string) (map[string]string, error) {
	marks := map[string]string{}
	var faults []error
	for _, m := range comment.FindAllStringSubmatch(html, -1) {
		for part := range strings.SplitSeq(m[1], ";") {
			name, value, hasValue := strings.Cut(strings.TrimSpace(part), ":")
			name, value = strings.TrimSpace(name), strings.TrimSpace(value)
			if name == "words" { // an allowance of internal/layout
				continue
			}
			want, known := blockMarks[name]
			switch {
			case !known && name != "sandbox":
				faults = append(faults, fmt.Errorf("%q is no mark", name))
			case known && want != hasValue, hasValue && value == "":
				faults = append(faults, fmt.Errorf("mark %q: has or lacks a value", name))
			default:
				marks[name] = value
			}
		}
	}
	return marks, errors.Join(faults...)
}

// parse reads a Markdown document.
func parse(source []byte) document {
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	doc := document{anchors: map[string]bool{}}
	line := func(offset int) int { return bytes.Count(source[:offset], []byte("\n")) + 1 }
	fault := func(offset int, err error) { doc.faults = append(doc.faults, fmt.Sprintf("%d: %v", line(offset), err)) }
	slugs := map[string]int{}

	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			slug := slugOf(string(n.Lines().Value(source)))
			anchor := slug
			if slugs[slug] > 0 {
				anchor = fmt.Sprintf("%s-%d", slug, slugs[slug])
			}
			slugs[slug]++
			doc.anchors[anchor] = true
		case *ast.Link:
			doc.links = append(doc.links, string(n.Destination))
		case *ast.Image:
			doc.links = append(doc.links, string(n.Destination))
		case *ast.AutoLink:
			doc.links = append(doc.links, string(n.URL(source)))
		case *ast.HTMLBlock:
			marks, err := parseMarks(htmlOf(n, source))
			if list, ok := marks["sandbox"]; ok {
				for name := range strings.SplitSeq(list, ",") {
					doc.sandbox = append(doc.sandbox, strings.TrimSpace(name))
				}
				delete(marks, "sandbox")
			}
			switch {
			case !beforeCode(n) && len(marks) > 0:
				fault(n.Lines().At(0).Start, errors.New("no code block follows the mark"))
			case beforeCode(n) && err != nil:
				fault(n.Lines().At(0).Start, err)
			}
		case *ast.FencedCodeBlock:
			doc.blocks = append(doc.blocks, blockOf(n, string(n.Language(source)), source, line))
		case *ast.CodeBlock:
			doc.blocks = append(doc.blocks, blockOf(n, "", source, line))
		}
		return ast.WalkContinue, nil
	})
	return doc
}

// beforeCode reports whether only comments are between an HTML block and a code block.
func beforeCode(n ast.Node) bool {
	for n = n.NextSibling(); n != nil; n = n.NextSibling() {
		switch n.Kind() {
		case ast.KindFencedCodeBlock, ast.KindCodeBlock:
			return true
		case ast.KindHTMLBlock:
		default:
			return false
		}
	}
	return false
}

// htmlOf returns the text of an HTML block.
func htmlOf(n *ast.HTMLBlock, source []byte) string {
	html := string(n.Lines().Value(source))
	if n.HasClosure() {
		html += string(n.ClosureLine.Value(source))
	}
	return html
}

// blockOf returns a code block with the marks in the HTML comments directly before it. Marks
// that are not valid are reported at their comment.
func blockOf(n ast.Node, language string, source []byte, line func(int) int) block {
	b := block{language: language, code: string(n.Lines().Value(source)), marks: map[string]string{}}
	if n.Lines().Len() > 0 {
		b.line = line(n.Lines().At(0).Start)
	}
	for before := n.PreviousSibling(); before != nil; before = before.PreviousSibling() {
		html, ok := before.(*ast.HTMLBlock)
		if !ok {
			break
		}
		marks, _ := parseMarks(htmlOf(html, source))
		for name, value := range marks {
			if name != "sandbox" {
				b.marks[name] = value
			}
		}
	}
	if l, ok := b.marks["language"]; ok {
		b.language = l
	}
	return b
}

var (
	linkText  = regexp.MustCompile(`\[([^\]]*)\]\([^)\s]*\)`)
	slugChars = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
)

// slugOf returns the anchor that GitHub gives to a heading.
func slugOf(title string) string {
	title = linkText.ReplaceAllString(strings.TrimSpace(title), "$1")
	return strings.ReplaceAll(strings.ToLower(slugChars.ReplaceAllString(title, "")), " ", "-")
}

func TestParse_MarksAndFaults(t *testing.T) {
	doc := parse([]byte(strings.Join([]string{
		"# A", "<!-- sandbox: gateway, node -->", "",
		"<!-- file: /etc/a.yaml; exit: 1 -->", "", "```yaml", "a: 1", "```", "",
		"- in a list:", "", "  ```sh", "  true", "  ```", "",
		"<!-- needs: docker -->", "<!-- language: sh -->", "", "    docker run x", "",
		"<!-- repeat -->", "no code", "",
		"<!-- A comment: with text. -->", "", "Text.", "<!-- words: allow \"x\": y z -->", "",
		"<!-- exit; unknown: x -->", "", "```sh", "false", "```",
	}, "\n")))
	require.Len(t, doc.blocks, 4)
	assert.Equal(t, []string{"gateway", "node"}, doc.sandbox)
	assert.Equal(t, block{line: 7, language: "yaml", code: "a: 1\n", marks: map[string]string{"file": "/etc/a.yaml", "exit": "1"}}, doc.blocks[0])
	assert.Equal(t, block{line: 13, language: "sh", code: "true\n", marks: map[string]string{}}, doc.blocks[1])
	assert.Equal(t, map[string]string{"needs": "docker", "language": "sh"}, doc.blocks[2].marks)
	require.Len(t, doc.faults, 2, doc.faults)
	assert.Contains(t, doc.faults[0], "no code block follows")
	assert.Contains(t, doc.faults[1], `"unknown" is no mark`)
	assert.Contains(t, doc.faults[1], `"exit": has or lacks a value`)
}
