// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elsewhere has the functions that reject with a text that is not a literal, such as that of an error, and the test
// that passes real ones to [Recognize].
func elsewhere() map[string]string {
	const (
		ofGuard     = "internal/guard/recognized_test.go"
		ofProcessor = "processor/tenantprocessor/recognized_test.go"
		ofExporter  = "exporter/tenantroutingexporter/recognized_test.go"
		ofLoki      = "receiver/lokipushreceiver/recognized_test.go"
		ofOTLP      = "receiver/tenantotlpreceiver/recognized_test.go"
	)
	return map[string]string{
		"internal/guard/body.go ReadBody":                             ofGuard,
		"internal/guard/body.go tooLarge":                             ofGuard,
		"internal/guard/request.go Reserve":                           ofGuard,
		"internal/guard/request.go rejectWith":                        ofGuard,
		"internal/guard/request.go wireError":                         ofGuard,
		"processor/tenantprocessor/rejection.go rejectionOf":          ofProcessor,
		"exporter/tenantroutingexporter/rejections.go offerRejection": ofExporter,
		"exporter/tenantroutingexporter/rejections.go tooLarge":       ofExporter,
		"receiver/lokipushreceiver/handler.go ServeHTTP":              ofLoki,
		"receiver/lokipushreceiver/handler.go malformed":              ofLoki,
		"receiver/tenantotlpreceiver/grpcmessage.go malformed":        ofOTLP,
		"receiver/tenantotlpreceiver/http.go otherPath":               ofOTLP,
	}
}

// TestRecognize_KnowsEveryText finds each text that a component gives to [New] or [Retry]. It must be recognized if it
// has a literal, and have a test with real errors otherwise.
func TestRecognize_KnowsEveryText(t *testing.T) {
	reasons, others := identifiers(t), elsewhere()
	literals, used := 0, map[string]bool{}
	for path, file := range components(t) {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			place := path + " " + f.Name.Name
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || !rejects(path, call) {
					return true
				}
				if test, ok := others[place]; ok {
					used[place] = true
					data, err := os.ReadFile(filepath.Join("..", "..", test))
					require.NoError(t, err)
					assert.Contains(t, string(data), "rejection.Recognize(", place)
					return true
				}
				reason, named := reasons[nameOf(call.Args[0])]
				text := literal(call.Args[1])
				if assert.True(t, named && text != "", "%s: the text is not a literal: test that real ones are recognized, and add the test to the table", place) {
					literals++
					assert.Equal(t, reason.String(), Recognize(reason.HTTPStatus(), text).String(), "%s: %s", place, text)
				}
				return true
			})
		}
	}
	assert.Len(t, used, len(others), "of the table: %v", used)
	assert.Greater(t, literals, 10)
}

// identifiers returns the reasons by their names in Go.
func identifiers(t *testing.T) map[string]Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	all := map[string]Reason{}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST || len(group.Specs) < NumReasons {
			continue
		}
		for i, spec := range group.Specs {
			all[spec.(*ast.ValueSpec).Names[0].Name] = Reason(i)
		}
	}
	require.Len(t, all, NumReasons+1, "with numReasons")
	require.Equal(t, Panic, all["Panic"])
	return all
}

// components returns the parsed files of the repository that import this package, by their paths.
func components(t *testing.T) map[string]*ast.File {
	t.Helper()
	const root = "../.."
	all := map[string]*ast.File{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"_build", ".git", "node_modules", "testdata", "testbed"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), `/internal/rejection"`) {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all[filepath.ToSlash(rel)], err = parser.ParseFile(token.NewFileSet(), path, data, parser.SkipObjectResolution)
		return err
	}))
	return all
}

// rejects reports whether a call rejects with a text of its own.
func rejects(path string, call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) < 2 {
		return false
	}
	from, _ := f.X.(*ast.Ident)
	if from != nil && from.Name == "rejection" {
		return f.Sel.Name == "New" || f.Sel.Name == "Retry"
	}
	return f.Sel.Name == "rejectWith" && strings.HasPrefix(path, "internal/guard/")
}

// nameOf returns the name of rejection.NAME, or "".
func nameOf(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// literal returns a text with "x" for each of its parts that is known only at run time, or "" if there is no other.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	case *ast.BinaryExpr:
		left, right := literal(e.X), literal(e.Y)
		switch {
		case left == "" && right == "":
			return ""
		case left == "":
			left = "x"
		case right == "":
			right = "x"
		}
		return left + right
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return regexp.MustCompile(`%[a-z]`).ReplaceAllString(literal(e.Args[0]), "x")
		}
	}
	return ""
}
