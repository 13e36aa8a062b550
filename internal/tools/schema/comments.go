// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// comments reads the doc comments of this project's packages.
type comments struct {
	root     string
	packages map[string]*sourcePackage
}

// sourcePackage is what is needed of a package.
type sourcePackage struct {
	fields    map[string]string   // doc by Type.Field
	keys      map[string]string   // key by Type.Field
	constants map[string][]string // by type
}

func newComments() *comments { return &comments{packages: make(map[string]*sourcePackage)} }

// directory returns the folder of a package of this project.
func (c *comments) directory(path string) (string, error) {
	if c.root == "" {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		if err != nil {
			return "", fmt.Errorf("go list: %w", err)
		}
		c.root = strings.TrimSpace(string(out))
	}
	return filepath.Join(c.root, strings.TrimPrefix(path, module)), nil
}

func (c *comments) load(path string) *sourcePackage {
	if p, ok := c.packages[path]; ok {
		return p
	}
	p := &sourcePackage{fields: map[string]string{}, keys: map[string]string{}, constants: map[string][]string{}}
	c.packages[path] = p
	dir, err := c.directory(path)
	if err != nil {
		return p
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return p
	}
	set := token.NewFileSet()
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, filepath.Join(dir, entry.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue // the compiler has reported it
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok {
				p.declaration(d)
			}
		}
	}
	return p
}

func (p *sourcePackage) declaration(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if s, ok := spec.Type.(*ast.StructType); ok {
				p.structure(spec.Name.Name, s)
			}
		case *ast.ValueSpec:
			name, ok := spec.Type.(*ast.Ident)
			if d.Tok != token.CONST || !ok {
				continue
			}
			for _, value := range spec.Values {
				if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil {
						p.constants[name.Name] = append(p.constants[name.Name], text)
					}
				}
			}
		}
	}
}

func (p *sourcePackage) structure(name string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		for _, ident := range f.Names {
			p.fields[name+"."+ident.Name] = text
			if f.Tag != nil {
				if tag, err := strconv.Unquote(f.Tag.Value); err == nil {
					key, _, _ := strings.Cut(reflect.StructTag(tag).Get("mapstructure"), ",")
					p.keys[name+"."+ident.Name] = key
				}
			}
		}
	}
}

// constants returns the texts of the constants of a type, in the order of the source.
func (c *comments) constants(t reflect.Type) []string {
	return slices.Clone(c.load(t.PkgPath()).constants[t.Name()])
}

// field returns the comment of a field as sentences about its key, and whether it is deprecated.
func (c *comments) field(t reflect.Type, name string) (doc string, deprecated bool) {
	p := c.load(t.PkgPath())
	text := strings.Join(strings.Fields(p.fields[t.Name()+"."+name]), " ")
	if before, after, ok := strings.Cut(text, "Deprecated: "); ok {
		text, deprecated = before+upperFirst(after), true
	}
	return p.sentences(t.Name(), name, text), deprecated
}

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*(\.[A-Z][A-Za-z0-9]*)?\b`)

// sentences removes the name of the field at the beginning, and replaces names of fields by keys.
func (p *sourcePackage) sentences(typ, name, text string) string {
	for _, begin := range []string{name + " are ", name + " is ", name + " configures ", name + " "} {
		if rest, ok := strings.CutPrefix(text, begin); ok {
			if strings.HasSuffix(begin, "configures ") {
				rest = "Settings of " + rest
			}
			text = upperFirst(rest)
			break
		}
	}
	start := 0
	var out strings.Builder
	for _, at := range goName.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		key, ok := p.keys[typ+"."+word]
		if other, field, dotted := strings.Cut(word, "."); dotted {
			key, ok = p.keys[other+"."+field]
		}
		beginning := at[0] == 0 || strings.HasSuffix(text[:at[0]], ". ")
		several := strings.IndexFunc(word[1:], unicode.IsUpper) >= 0
		if !ok || key == "" || beginning && !several {
			continue
		}
		out.WriteString(text[start:at[0]] + "`" + key + "`")
		start = at[1]
	}
	return out.String() + text[start:]
}

func upperFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
