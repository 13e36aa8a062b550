// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command notices writes the licenses of everything that is linked into a binary.
//
//	notices -o FILE -own MODULE DIR=PACKAGE...
//
// Each DIR=PACKAGE names a main package, relative to a folder inside its module. The output
// has one section for each distinct license text, headed by the modules that use it. A
// module without a license file is an error.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// goPackage is what "go list -deps" prints about a linked package.
type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	Module     *struct {
		Path, Version, Dir string
	}
}

// origin is a module and the license files that apply to its linked packages.
type origin struct {
	name  string // "path version"
	files []string
}

// licenseFile matches the names of files that hold a license or an attribution. An Apache
// NOTICE has to be distributed too.
var licenseFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents)(s)?([-_.].*)?$`)

// sourceFile matches code, which may have such a name as well.
var sourceFile = regexp.MustCompile(`(?i)\.(go|s|c|h|proto|tmpl|json|ya?ml)$`)

func main() {
	out := flag.String("o", "", "file to write")
	own := flag.String("own", "", "module path of this project, which is not a third party")
	flag.Parse()
	if err := run(*out, *own, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(out, own string, mains []string) error {
	var packages []goPackage
	for _, m := range mains {
		dir, pattern, ok := strings.Cut(m, "=")
		if !ok {
			return fmt.Errorf("%q does not have the form DIR=PACKAGE", m)
		}
		linked, err := list(dir, pattern)
		if err != nil {
			return err
		}
		packages = append(packages, linked...)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	origins, err := originsOf(packages, own, filepath.Join(strings.TrimSpace(string(goroot)), "LICENSE"))
	if err != nil {
		return err
	}
	text, err := render(origins)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// list returns the packages that the main package links, itself included.
func list(dir, pattern string) ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Standard,Module", pattern)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		var p goPackage
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, err
		}
		packages = append(packages, p)
	}
}

// originsOf returns the modules of the packages in the order of their names. The license of
// a package is in its folder or in the nearest folder above it that has one, up to the root
// of its module; what the root has applies to all of the module.
func originsOf(packages []goPackage, own, goLicense string) ([]origin, error) {
	byName := map[string]*origin{"Go standard library " + runtime.Version(): {files: []string{goLicense}}}
	for _, p := range packages {
		if p.Standard || p.Module == nil || p.Module.Path == own || strings.HasPrefix(p.Module.Path, own+"/") {
			continue
		}
		name := p.Module.Path + " " + p.Module.Version
		o := byName[name]
		if o == nil {
			o = &origin{}
			byName[name] = o
			root, err := licensesIn(p.Module.Dir)
			if err != nil {
				return nil, err
			}
			o.files = root
		}
		for dir := p.Dir; len(dir) > len(p.Module.Dir); dir = filepath.Dir(dir) {
			found, err := licensesIn(dir)
			if err != nil {
				return nil, err
			}
			if len(found) > 0 {
				o.files = append(o.files, found...)
				break
			}
		}
	}
	var origins []origin
	for name, o := range byName {
		if len(o.files) == 0 {
			return nil, fmt.Errorf("module %s has no license file", name)
		}
		slices.Sort(o.files)
		origins = append(origins, origin{name: name, files: slices.Compact(o.files)})
	}
	slices.SortFunc(origins, func(a, b origin) int { return cmp.Compare(a.name, b.name) })
	return origins, nil
}

func licensesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if e.Type().IsRegular() && licenseFile.MatchString(e.Name()) && !sourceFile.MatchString(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

// render returns the sections in the order of the first module of each.
func render(origins []origin) ([]byte, error) {
	users := map[string][]string{}
	var texts []string
	for _, o := range origins {
		for _, file := range o.files {
			raw, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			text := strings.TrimSpace(strings.ReplaceAll(string(raw), "\r\n", "\n"))
			if users[text] == nil {
				texts = append(texts, text)
			}
			if !slices.Contains(users[text], o.name) {
				users[text] = append(users[text], o.name)
			}
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "This software includes the following %d third-party modules. Each license applies to the modules above it.\n", len(origins))
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(users[text], "\n"), text)
	}
	return b.Bytes(), nil
}
