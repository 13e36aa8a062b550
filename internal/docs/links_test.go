// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// linkFaults returns a line for each link in the document at name that leads to no file or to
// no heading, or that is no URL. read returns the content of a file, or fails.
func linkFaults(name string, source []byte, read func(string) ([]byte, error)) []string {
	var faults []string
	doc := parse(source)
	for _, link := range doc.links {
		u, err := url.Parse(link)
		switch {
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s: %v", name, err))
			continue
		case u.Scheme == "mailto":
			continue
		case u.Scheme != "":
			if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
				faults = append(faults, fmt.Sprintf("%s: %s is no address of a page", name, link))
			}
			continue
		}
		target := doc
		file := name
		if u.Path != "" {
			file = filepath.Join(filepath.Dir(name), u.Path)
			raw, err := read(file)
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s: %s does not exist", name, link))
				continue
			}
			target = parse(raw)
		}
		if u.Fragment != "" && !target.anchors[u.Fragment] {
			faults = append(faults, fmt.Sprintf("%s: %s has no heading #%s", name, file, u.Fragment))
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

// TestLinks_HaveTargets checks the links of all documents. Pages elsewhere are not requested.
func TestLinks_HaveTargets(t *testing.T) {
	pages := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"_build", ".git", "node_modules", "testdata"}, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		assert.Empty(t, linkFaults(path, source, readEntry))
		for _, link := range parse(source).links {
			if strings.Contains(link, "://") {
				pages[link] = true
			}
		}
		return nil
	}))
	for page := range pages {
		t.Log(page)
	}
}

func TestLinkFaults_FindsPlanted(t *testing.T) {
	files := map[string]string{
		"docs/a.md": "# Title of `A`\n\n## What's in it?\n\n## [B](b.go) and b_c\n\n## What's in it?\n\n```\n# not a heading\n```\n",
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
		"[a](a.md) [b](b.go) [c](https://example.com/x#y)":      0,
		"[a](a.md#title-of-a) [a](a.md#whats-in-it)":            0,
		"[a](a.md#b-and-b_c) [a](a.md#whats-in-it-1)":           0,
		"[a][1] ![b](b.go)\n\n[1]: a.md\n":                      0,
		"[a][1] ![b](c.png)\n\n[1]: c.md\n":                     2,
		"## Here\n[x](#here)":                                   0,
		"[x](#there)":                                           1,
		"[a](c.md) [a](../a.md)":                                2,
		"[a](a.md#not-a-heading)":                               1,
		"[a](htps://example.com) [a](https:///x)":               2,
		"`[a](c.md)`\n\n```\n[a](c.md)\n```\n\n    [a](c.md)\n": 0,
	} {
		assert.Len(t, linkFaults("docs/x.md", []byte(text), read), want, text)
	}
}
