// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	mdFence   = regexp.MustCompile("(?ms)^```.*?^```")
	mdCode    = regexp.MustCompile("`[^`\n]*`")
)

// anchors returns the anchors that GitHub gives to the headings of a document.
func anchors(text string) []string {
	var found []string
	for _, m := range mdHeading.FindAllStringSubmatch(mdFence.ReplaceAllString(text, ""), -1) {
		title := mdLink.ReplaceAllString(m[1], "]")
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, title))
	}
	return found
}

// linkFaults returns a line for each relative link in the text of the document at name that
// leads to no file or to no heading. read returns the content of a file, or fails.
func linkFaults(name, text string, read func(string) ([]byte, error)) []string {
	var faults []string
	prose := mdCode.ReplaceAllString(mdFence.ReplaceAllString(text, ""), "``")
	for _, m := range mdLink.FindAllStringSubmatch(prose, -1) {
		target, anchor, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		file, content := name, text
		if target != "" {
			file = filepath.Join(filepath.Dir(name), target)
			raw, err := read(file)
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s: %s does not exist", name, m[1]))
				continue
			}
			content = string(raw)
		}
		if anchor != "" && !slices.Contains(anchors(content), anchor) {
			faults = append(faults, fmt.Sprintf("%s: %s has no heading #%s", name, file, anchor))
		}
	}
	return faults
}

// readEntry returns the content of a file, and nothing for a folder that exists.
func readEntry(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil || info.IsDir() {
		return nil, err
	}
	return os.ReadFile(name)
}

func TestLinks_HaveTargets(t *testing.T) {
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"_build", ".git", "node_modules", "testdata"}, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		assert.Empty(t, linkFaults(path, string(text), readEntry))
		return nil
	}))
}

// Each question of the table leads to at least one file or folder.
func TestWhereIsWhat_LinksEachQuestion(t *testing.T) {
	text, err := os.ReadFile("../../docs/where-is-what.md")
	require.NoError(t, err)
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| question") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if assert.Len(t, cells, 2, line) {
			assert.Regexp(t, mdLink, cells[1], line)
		}
	}
	assert.GreaterOrEqual(t, rows, 30)
}

func TestLinkFaults_FindsPlanted(t *testing.T) {
	files := map[string]string{
		"docs/a.md": "# Title of `A`\n\n## What's in it?\n\n```\n# not a heading\n```\n",
		"docs/b.go": "package b",
	}
	read := func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}
	for text, want := range map[string]int{
		"[a](a.md) [b](b.go) [c](https://example.com/x#y)": 0,
		"[a](a.md#title-of-a) [a](a.md#whats-in-it)":       0,
		"## Here\n[x](#here)":                              0,
		"[x](#there)":                                      1,
		"[a](c.md) [a](../a.md)":                           2,
		"[a](a.md#not-a-heading)":                          1,
		"`[a](c.md)`\n```\n[a](c.md)\n```\n":               0,
	} {
		assert.Len(t, linkFaults("docs/x.md", text, read), want, text)
	}
}
