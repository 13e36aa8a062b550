// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package finder

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"
)

// Exclusion decides which files are not read. It compares the name of a file, the names of
// the files that it may be a rotated copy of, and, where a pattern leads through links, the
// real paths. It is safe for concurrent use.
type Exclusion struct {
	patterns []string
	// real are the patterns that lead through links, with the links resolved.
	real atomic.Pointer[[]string]
}

// NewExclusion returns the exclusion of patterns of absolute paths.
func NewExclusion(patterns []string) *Exclusion {
	x := &Exclusion{patterns: patterns}
	x.Resolve()
	return x
}

// Resolve resolves the links in the patterns again, because they may have changed.
func (x *Exclusion) Resolve() {
	var real []string
	for _, pattern := range x.patterns {
		dir, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
		dir = filepath.FromSlash(dir)
		if to, err := filepath.EvalSymlinks(dir); err == nil && to != dir {
			real = append(real, filepath.Join(escape(to), rest))
		}
		if strings.ContainsAny(rest, `*?[{\`) {
			continue
		}
		path := filepath.Join(dir, rest)
		if to, err := filepath.EvalSymlinks(path); err == nil && to != path {
			real = append(real, escape(to))
		}
	}
	x.real.Store(&real)
}

// escape returns a pattern that matches path only.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(path)
}

// Empty reports whether nothing is excluded.
func (x *Exclusion) Empty() bool { return len(x.patterns) == 0 }

// Has reports whether an absolute path, or a file that it may be a rotated copy of, is
// excluded.
func (x *Exclusion) Has(path string) bool {
	if x.Empty() {
		return false
	}
	dir, base := filepath.Split(path)
	return slices.ContainsFunc(originals(base), func(name string) bool { return x.matches(dir + name) })
}

func (x *Exclusion) matches(path string) bool {
	match := func(pattern string) bool {
		ok, err := doublestar.PathMatch(pattern, path)
		return ok && err == nil
	}
	return slices.ContainsFunc(x.patterns, match) || slices.ContainsFunc(*x.real.Load(), match)
}
