// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

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

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	mention = regexp.MustCompile("tenantctl((?: [^\\s`'\";()]+)+)")
	flag    = regexp.MustCompile(`^--([a-z][a-z0-9-]*)`)
	name    = regexp.MustCompile(`^[a-z][a-z-]*$`)

	inCode = regexp.MustCompile("`(?:[A-Z_]+=\\S+ )*tenantctl ([^`]+)`")
	quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)
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

// argumentFaults returns what is wrong with the arguments of the commands that are inline code of a text. The
// name of a command without arguments refers to the command, and … replaces arguments.
func argumentFaults(text string) (faults []string) {
	for _, m := range inCode.FindAllStringSubmatch(text, -1) {
		line, _, _ := strings.Cut(quoted.ReplaceAllString(m[1], "QUOTED"), " > ")
		line, _, _ = strings.Cut(line, " | ")
		if strings.Contains(line, "…") || strings.Contains(line, "...") {
			continue
		}
		c, words, err := (&app{}).command().Find(strings.Fields(line))
		if err != nil || c.HasSubCommands() {
			continue // textFaults reports it
		}
		var args []string
		for i := 0; i < len(words); i++ {
			word := words[i]
			if !strings.HasPrefix(word, "-") || word == "-" {
				args = append(args, word)
				continue
			}
			f := c.Flag(strings.TrimLeft(word, "-"))
			if f == nil && len(word) == 2 {
				f = c.Flags().ShorthandLookup(word[1:])
			}
			if f != nil && f.NoOptDefVal == "" {
				i++ // its value
			}
		}
		if len(args) == 0 {
			continue
		}
		if err := c.ValidateArgs(args); err != nil {
			faults = append(faults, "`tenantctl "+m[1]+"`: "+err.Error())
		}
	}
	return faults
}

func TestArgumentFaults(t *testing.T) {
	for text, want := range map[string]int{
		"Run `tenantctl key rotate TENANT KEY`.":                    1,
		"Run `tenantctl key rotate KEY --overlap 24h`.":             0,
		"`tenantctl key rotate --overlap 24h -o json KEY MORE`":     1,
		"`tenantctl audit list --tenant acme`":                      0,
		"`tenantctl audit list acme` and `tenantctl key rotate`":    1,
		"`A=b tenantctl tenant suspend acme more --reason \"a b\"`": 1,
		"`tenantctl onboard TENANT --new-key … -o env`":             0,
		"`tenantctl tenant create A B > file`":                      1,
		"`tenantctl key create A > file`":                           0,
		"tenantctl key rotate TENANT KEY":                           0, // not code
	} {
		assert.Len(t, argumentFaults(text), want, text)
	}
}

// Documents name commands that exist, with as many arguments as they take. The blocks of commands are executed
// by internal/docs.
func TestDocuments_NameCommandsThatExist(t *testing.T) {
	root := (&app{}).command()
	commands := 0
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"_build", ".git", "node_modules", "testdata"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range inCode.FindAllString(line, -1) {
				commands++
				assert.Empty(t, textFaults(root, m), "%s:%d", path, i+1)
			}
			assert.Empty(t, argumentFaults(line), "%s:%d", path, i+1)
		}
		return nil
	}))
	assert.Greater(t, commands, 150)
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
				assert.Empty(t, argumentFaults(text), "%s", set.Position(l.Pos()))
				return true
			})
			return nil
		}))
	}
	assert.Greater(t, texts, 50)
}
