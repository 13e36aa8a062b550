// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes files below a temporary folder and returns a linked package of it.
func module(t *testing.T, path, version, pkg string, files map[string]string) goPackage {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, pkg), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := goPackage{ImportPath: path + "/" + pkg, Dir: filepath.Join(root, pkg)}
	p.Module = &struct{ Path, Version, Dir string }{path, version, root}
	return p
}

func TestNotices_OneSectionForEachLicenseText(t *testing.T) {
	goLicense := filepath.Join(t.TempDir(), "LICENSE")
	if err := os.WriteFile(goLicense, []byte("license of Go"), 0o600); err != nil {
		t.Fatal(err)
	}
	packages := []goPackage{
		module(t, "example.com/b", "v1.0.0", "x/y", map[string]string{
			"LICENSE": "shared text\r\n", "NOTICE.txt": "attribution of b", "x/COPYING": "nested text", "z/LICENSE": "not linked",
			"x/y/license.go": "package y",
		}),
		module(t, "example.com/a", "v0.1.0", "", map[string]string{"LICENSE.md": "shared text"}),
		module(t, "example.com/own", "v0.0.0", "", nil),
		{ImportPath: "fmt", Standard: true},
	}
	origins, err := originsOf(packages, "example.com/own", goLicense)
	if err != nil {
		t.Fatal(err)
	}
	text, err := render(origins)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for _, want := range []string{
		"\nexample.com/a v0.1.0\nexample.com/b v1.0.0\n\nshared text\n",
		"\nexample.com/b v1.0.0\n\nattribution of b\n",
		"\nexample.com/b v1.0.0\n\nnested text\n",
		"license of Go\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"not linked", "package y", "example.com/own"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("%q is in:\n%s", unwanted, got)
		}
	}
}

func TestNotices_AModuleWithoutLicenseFails(t *testing.T) {
	p := module(t, "example.com/bare", "v1.0.0", "", map[string]string{"README.md": "text"})
	if _, err := originsOf([]goPackage{p}, "example.com/own", "LICENSE"); err == nil || !strings.Contains(err.Error(), "example.com/bare v1.0.0") {
		t.Errorf("the error does not name the module: %v", err)
	}
}
