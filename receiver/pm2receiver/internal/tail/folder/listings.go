// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package folder

import (
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

const (
	// largeFolder is how many names make a folder so large that its listing is shared.
	largeFolder = 1024
	// maxListings bounds the listings that are kept.
	maxListings = 8
	// maxCopies bounds the names that Copies returns.
	maxCopies = 4096
)

// Listings finds the rotated copies of log files, and shares the listing of a large folder
// among all files in it. It is safe for concurrent use.
type Listings struct {
	mu   sync.Mutex
	kept map[string]*listing
}

type listing struct {
	names   []string            // sorted
	rotated map[string][]string // names of copies by the names of their originals
	expires time.Time
}

// NewListings returns empty listings.
func NewListings() *Listings { return &Listings{kept: map[string]*listing{}} }

// Copies returns the base names in dir that are those of rotated copies of original, or of
// original renamed, in their order. It returns the last 4096, and may miss the changes of a
// moment in a large folder.
func (l *Listings) Copies(dir, original string) ([]string, error) {
	x, err := l.list(dir)
	if err != nil {
		return nil, err
	}
	found := slices.Clone(x.rotated[original])
	for _, separator := range []string{".", "-"} {
		prefix := original + separator
		for i := sort.SearchStrings(x.names, prefix); i < len(x.names) && strings.HasPrefix(x.names[i], prefix); i++ {
			if _, ok := logname.Rotated(x.names[i]); !ok && len(x.names[i]) > len(prefix) {
				found = append(found, x.names[i])
			}
		}
	}
	slices.Sort(found)
	return found[max(0, len(found)-maxCopies):], nil
}

func (l *Listings) list(dir string) (*listing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if x := l.kept[dir]; x != nil && now.Before(x.expires) {
		return x, nil
	}
	delete(l.kept, dir)
	x := &listing{rotated: map[string][]string{}}
	err := Each(dir, func(e os.DirEntry) bool {
		x.names = append(x.names, e.Name())
		return len(x.names) < MaxNames
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(x.names)
	for _, name := range x.names {
		if original, ok := logname.Rotated(name); ok {
			x.rotated[original] = append(x.rotated[original], name)
		}
	}
	if len(x.names) > largeFolder {
		if len(l.kept) >= maxListings {
			clear(l.kept)
		}
		x.expires = RepeatAfter(now)
		l.kept[dir] = x
	}
	return x, nil
}
