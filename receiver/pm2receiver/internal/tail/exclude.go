package tail

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"
)

// exclusion says what is not to be read. It goes by names: that of a file, that of the
// file which a rotated one was, and, where links are on the way, the real ones. It may
// be used concurrently.
type exclusion struct {
	patterns []string
	// real are those of patterns that lead through links, as paths without them.
	real atomic.Pointer[[]string]
}

func newExclusion(patterns []string) *exclusion {
	x := &exclusion{patterns: patterns}
	x.resolve()
	return x
}

// resolve follows the links in patterns again: they may have changed.
func (x *exclusion) resolve() {
	var real []string
	for _, pattern := range x.patterns {
		dir, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
		dir = filepath.FromSlash(dir)
		if to, err := filepath.EvalSymlinks(dir); err == nil && to != dir {
			real = append(real, filepath.Join(quote(to), rest))
		}
		if strings.ContainsAny(rest, `*?[{\`) {
			continue
		}
		path := filepath.Join(dir, rest)
		if to, err := filepath.EvalSymlinks(path); err == nil && to != path {
			real = append(real, quote(to))
		}
	}
	x.real.Store(&real)
}

// quote makes a pattern of a path.
func quote(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(path)
}

// none says whether nothing is excluded.
func (x *exclusion) none() bool { return x == nil || len(x.patterns) == 0 }

// has says whether an absolute path is excluded, or is that of a generation of a file
// that is.
func (x *exclusion) has(path string) bool {
	if x.none() {
		return false
	}
	dir, base := filepath.Split(path)
	for range maxGenerations {
		if x.matches(dir + base) {
			return true
		}
		from := origin(base)
		if from == base {
			break
		}
		base = from
	}
	return false
}

func (x *exclusion) matches(path string) bool {
	match := func(pattern string) bool {
		ok, err := doublestar.PathMatch(pattern, path)
		return ok && err == nil
	}
	return slices.ContainsFunc(x.patterns, match) || slices.ContainsFunc(*x.real.Load(), match)
}

// maxGenerations bounds how often what a rotation adds to a name is taken from it.
const maxGenerations = 4

// generation is what logrotate and the like add behind the whole name of a file.
var generation = regexp.MustCompile(`^(.+?)(?:\.gz|\.\d{1,5}|[-._]20\d\d-?\d\d-?\d\d[-_.T:\d]*)$`)

// origin returns the name of the file that a rotated one was, or the name itself.
func origin(base string) string {
	if from, ok := Rotated(base); ok {
		return from
	}
	if at := besideLog(base); at > 0 {
		return base[:at]
	}
	if m := generation.FindStringSubmatch(base); m != nil {
		return m[1]
	}
	return base
}
