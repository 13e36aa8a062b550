// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bannedWord is a word or phrase that comments, documents, messages and names do not use.
type bannedWord struct {
	pattern string // case-insensitive; a space matches any white space and comment markers
	instead string
}

// bannedWords are pictures and old-fashioned words, for which the collector's users
// know an established term.
var bannedWords = []bannedWord{
	{`tells?|telling|told`, `write "report", "log", "show", "state" or "distinguish"`},
	{`said|unsaid`, `write "reported", "logged" or "stated"`},
	{`stands?|stood|standing`, `write "is", "appears", "remains" or "represents"`},
	{`anew`, `write "again", or name what is repeated`},
	{`whoever`, `name the caller, the operator or the client`},
	{`of before`, `write "earlier" or "previous"`},
	{`ma(?:k|d)e?(?:s|ing)? room|making room`, `write "prune", "remove" or "free space"`},
	{`giv(?:e|es|ing|en) way|gave way`, `write "is removed" or "is dropped"`},
	{`tak(?:e|es|ing|en) turns|took turns`, `write "are scheduled in round-robin order"`},
	{`let(?:s|ting)? go`, `write "release"`},
	{`is asked one thing|one thing is asked`, `say what the function returns`},
	{`letters of others`, `write "dead letters of other tenants"`},
	{`letterpost`, `write "replay client"`},
	{`suspect(?:s|ed|ing)?`, `write "half-open", "probing" or "may be damaged"`},
	{`redo`, `write "retry" or "retry queue"`},
	{`seal(?:s|ed|ing)?`, `write "precompress", "close" or "complete"`},
	{`settl(?:e|es|ed|ing)`, `write "reschedule", "complete" or "decide"`},
	{`aim(?:s|ed|ing)?`, `write "set the target" or "intend"`},
	{`pump(?:s|ed|ing)?`, `write "dispatch"`},
	{`kin`, `write "rotated copies", or name the group`},
	{`relatives`, `write "rotated copies"`},
	{`lent|lend(?:s|ing)?`, `write "borrowed", "granted" or "reserved"`},
	{`ow(?:e|es|ed|ing)`, `write "unsynced", "pending" or "remaining"`},
	{`theirs`, `name what it is`},
	{`troubles?`, `write "fault", "failure" or "outage"`},
	{`strangers?`, `write "client without a valid key" or "unknown client"`},
	{`hold(?:s|ing)? up|held up`, `write "block" or "delay"`},
	{`for good`, `write "permanently"`},
	{`for ever`, `write "forever" or "without end"`},
	{`for want of`, `write "because there is no" or "without"`},
	{`and (?:its|their) like`, `write "and similar"`},
	{`the way of`, `write "path" or "how"`},
	{`in the wrong hands`, `write "has leaked"`},
	{`f[ae]ll(?:s|en|ing)? silent`, `write "has stopped sending"`},
	{`walls?`, `name what separates: "isolation", "the organization"`},
	{`go(?:es)? far`, `write what is enough for whom, or a number`},
	{`stop(?:s|ped)? to (?:read|send|write|accept)`, `write "stops reading"`},
	{`timetext`, `write "timeparse"`},
}

// bannedNames are words that are good English and bad names.
var bannedNames = []bannedWord{
	{`nobody`, `write "unprivileged", or say what does not happen`},
}

// wordList finds the words of a list. The group of a match is the index of its word.
type wordList struct {
	re    *regexp.Regexp
	words []bannedWord
}

func newWordList(words []bannedWord) wordList {
	groups := make([]string, 0, len(words))
	for _, w := range words {
		// Words may be separated by a line break, and the next line begins with a comment marker.
		groups = append(groups, "("+strings.ReplaceAll(w.pattern, " ", `(?:[\s#*>-]|//)+`)+")")
	}
	return wordList{regexp.MustCompile(`(?i)\b(?:` + strings.Join(groups, "|") + `)\b`), words}
}

var (
	proseWords = newWordList(bannedWords)
	nameWords  = newWordList(slices.Concat(bannedWords, bannedNames))
)

// camel finds the places at which a name consists of several words.
var camel = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])|[_./-]`)

// spaced returns the words of an identifier or a path, separated by spaces.
func spaced(name string) string { return camel.ReplaceAllString(name, "$1$3 $2$4") }

// allowance is a comment that excuses a word on its own line and on the next one.
var allowance = regexp.MustCompile(`words: allow "([^"]+)": (\S+ \S+)`)

// passage is text with the line on which it begins.
type passage struct {
	line int
	text string
	name bool // a declared name, not prose
}

// goPassages returns the comments, the strings and the declared names of a Go file.
func goPassages(name string, src []byte) ([]passage, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []passage
	for _, group := range file.Comments {
		begin, end := fset.Position(group.Pos()), fset.Position(group.End())
		found = append(found, passage{line: begin.Line, text: string(src[begin.Offset:end.Offset])})
	}
	declare := func(names ...*ast.Ident) {
		for _, id := range names {
			found = append(found, passage{line: fset.Position(id.Pos()).Line, text: spaced(id.Name), name: true})
		}
	}
	declare(file.Name)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			declare(n.Name)
		case *ast.TypeSpec:
			declare(n.Name)
		case *ast.ValueSpec:
			declare(n.Names...)
		case *ast.Field:
			declare(n.Names...)
		case *ast.LabeledStmt:
			declare(n.Label)
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					declare(id)
				}
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					declare(id)
				}
			}
		}
		return true
	})
	var s scanner.Scanner
	tokens := fset.AddFile(name, fset.Base(), len(src))
	s.Init(tokens, src, nil, 0)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return found, nil
		}
		if tok == token.STRING {
			found = append(found, passage{line: tokens.Line(pos), text: text})
		}
	}
}

// wordFaults returns a line for each banned word in a file of this name, relative to the
// root of the repository.
func wordFaults(name string, src []byte) ([]string, error) {
	passages := []passage{{line: 1, text: string(src)}}
	if strings.HasSuffix(name, ".go") {
		var err error
		if passages, err = goPassages(name, src); err != nil {
			return nil, err
		}
	}
	passages = append(passages, passage{line: 1, text: spaced(name), name: true})

	type allowed struct {
		line int
		word string
	}
	used := map[allowed]bool{}
	for i, line := range bytes.Split(src, []byte("\n")) {
		for _, m := range allowance.FindAllSubmatch(line, -1) {
			used[allowed{i + 1, strings.ToLower(string(m[1]))}] = false
		}
	}
	var faults []string
	for _, p := range passages {
		list := proseWords
		if p.name {
			list = nameWords
		}
		p.text = allowance.ReplaceAllStringFunc(p.text, func(s string) string { return strings.Repeat(".", len(s)) })
		for _, m := range list.re.FindAllStringSubmatchIndex(p.text, -1) {
			instead := ""
			for i, w := range list.words {
				if m[2*i+2] >= 0 {
					instead = w.instead
				}
			}
			text := strings.ToLower(p.text[m[0]:m[1]])
			line := p.line + strings.Count(p.text[:m[0]], "\n")
			excused := false
			for _, a := range []allowed{{line, text}, {line - 1, text}} {
				if _, ok := used[a]; ok {
					used[a], excused = true, true
				}
			}
			if !excused {
				faults = append(faults, fmt.Sprintf("%s:%d: %q: %s", name, line, text, instead))
			}
		}
	}
	for a, ok := range used {
		if !ok {
			faults = append(faults, fmt.Sprintf("%s:%d: no %q to allow here", name, a.line, a.word))
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults), nil
}

// ownText reports whether the file is text that this project writes by hand.
func ownText(name string, src []byte) bool {
	switch path.Base(name) {
	case "words_test.go", // has the list
		"documentation.md": // is generated from metadata.yaml
		return false
	case "Makefile", "Dockerfile", "run":
		return true
	}
	switch path.Ext(name) {
	case ".go":
		return !bytes.Contains(src[:min(len(src), 300)], []byte("// Code generated "))
	case ".md", ".yaml", ".yml", ".sh", ".sql", ".lua", ".service", ".env":
		return true
	}
	return false
}

// TestWords_ArePlain requires the vocabulary that the collector's users know. It does not read
// corpora and fixtures below testdata, which have texts of other programs.
func TestWords_ArePlain(t *testing.T) {
	var faults []string
	require.NoError(t, filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("../..", file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if slices.Contains([]string{"_build", ".git", "node_modules", "testdata"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		src, err := os.ReadFile(file)
		if err != nil || !ownText(name, src) {
			return err
		}
		found, err := wordFaults(name, src)
		faults = append(faults, found...)
		return err
	}))
	if len(faults) > 0 {
		t.Errorf("%d words (to keep one, add a comment on its line or the line before: words: allow \"WORD\": REASON):\n%s",
			len(faults), strings.Join(faults[:min(len(faults), 50)], "\n"))
	}
}

func TestWordFaults_FindsPlanted(t *testing.T) {
	const head = "package a\n\n"
	for src, want := range map[string]int{
		"// A lane is told.\nvar a int":                                  1,
		"// The log made\n// room.\nvar a int":                           1,
		"var a = \"nobody stands here\"":                                 1,
		"var a = `x\ntold`":                                              1,
		"var letGo int":                                                  1,
		"func TestA_SaysWhatItIsTold() {}":                               1,
		"func a(kin int) { redo := kin; _ = redo }":                      2,
		"func a() { for suspect := range 3 { _ = suspect } }":            1,
		"type nobody struct{ lent int }":                                 2,
		"var a = b.Seal()":                                               0,
		"// Kinds of understanding resealable.\nvar a int":               0,
		"// words: allow \"told\": a quoted answer.\nvar a = \"told\"":   0,
		"var a = \"told\" // words: allow \"told\": a quoted answer":     0,
		"var a = \"told\" // words: allow \"told\":":                     1,
		"var a = \"b\" // words: allow \"anew\": this has no such word.": 1,
	} {
		found, err := wordFaults("x.go", []byte(head+src+"\n"))
		require.NoError(t, err, src)
		assert.Len(t, found, want, "%s: %q", src, found)
	}
	for name, want := range map[string]int{"internal/nobody/drop.md": 1, "a/troubles_test.md": 1, "a/kinds.md": 0} {
		found, err := wordFaults(name, nil)
		require.NoError(t, err)
		assert.Len(t, found, want, name)
	}
	found, err := wordFaults("a.md", []byte("# A\n\nData of\nbefore, and\n> of before.\nA tenant is\n- told <!-- words: allow \"told\": in a list -->\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{
		`a.md:3: "of\nbefore": write "earlier" or "previous"`,
		`a.md:5: "of before": write "earlier" or "previous"`,
	}, found)
}

func TestSpaced(t *testing.T) {
	for name, want := range map[string]string{
		"letGo": "let Go", "HTTPServer": "HTTP Server", "TestA_Told": "Test A Told", "internal/nobody/drop.go": "internal nobody drop go",
		"maxAge7Days": "max Age7 Days",
	} {
		assert.Equal(t, strings.FieldsFunc(want, unicode.IsSpace), strings.Fields(spaced(name)), name)
	}
}
