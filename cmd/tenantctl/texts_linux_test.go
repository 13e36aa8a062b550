// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	mention = regexp.MustCompile("tenantctl((?: [^\\s`'\";()]+)+)")
	flag    = regexp.MustCompile(`^--([a-z][a-z0-9-]*)`)
	name    = regexp.MustCompile(`^[a-z][a-z-]*$`)
)

// textFaults returns what is wrong with the commands that a text names.
func textFaults(root *cobra.Command, text string) (faults []string) {
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		c, words := root, strings.Fields(m[1])
		for len(words) > 0 {
			next, _, err := c.Find([]string{strings.TrimRight(words[0], ".,:")})
			if err != nil || next == c {
				break
			}
			c, words = next, words[1:]
		}
		switch {
		case c == root:
			continue // a sentence about tenantctl
		case c.HasSubCommands() && len(words) > 0 && name.MatchString(strings.TrimRight(words[0], ".,:")):
			faults = append(faults, "there is no command "+c.CommandPath()+" "+words[0])
			continue
		}
		for _, w := range words {
			if f := flag.FindStringSubmatch(w); f != nil && f[1] != "help" && c.Flag(f[1]) == nil && c.InheritedFlags().Lookup(f[1]) == nil {
				faults = append(faults, c.CommandPath()+" has no flag --"+f[1])
			}
		}
	}
	return faults
}

// Errors and findings name commands that exist, since people copy them.
func TestTexts_NameCommandsThatExist(t *testing.T) {
	root := (&app{}).command()
	assert.Len(t, textFaults(root, "Run `tenantctl tenant nonsense`, or tenantctl key create acme --nonsense x. tenantctl is a program."), 2)
	set, texts := token.NewFileSet(), 0
	for _, dir := range []string{".", "../../internal", "../../extension", "../../exporter", "../../processor", "../../receiver"} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				l, ok := n.(*ast.BasicLit)
				if !ok || l.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(l.Value)
				if err != nil || !strings.Contains(text, "tenantctl ") {
					return true
				}
				texts++
				assert.Empty(t, textFaults(root, text), "%s", set.Position(l.Pos()))
				return true
			})
			return nil
		}))
	}
	assert.Greater(t, texts, 50)
}
