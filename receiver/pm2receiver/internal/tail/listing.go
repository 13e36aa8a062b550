package tail

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	// largeFolder is how many names make a folder too large to be read by each stream.
	largeFolder = 1024
	// maxListings bounds the large folders that are kept, and maxNames the names of each.
	maxListings = 8
	maxNames    = 200_000
	// maxBeside bounds the names that are looked at for one stream.
	maxBeside = 4096
	// atOnce is how many names are read at once.
	atOnce = 1024
	// idleShare is how many times as long as it takes is waited before work is done
	// again whose size others decide.
	idleShare = 10
	// quick is what takes so short that it needs no rest.
	quick = 20 * time.Millisecond
)

// rest returns until when to wait before work that began then is done again.
func rest(began time.Time) time.Time {
	took := time.Since(began)
	if took < quick {
		return time.Time{}
	}
	return began.Add(took * (1 + idleShare))
}

// listings shares what is in large folders between the streams.
type listings struct {
	mu   sync.Mutex
	kept map[string]*listing
}

// listing is what is in a folder.
type listing struct {
	names   []string            // in order
	rotated map[string][]string // by the name of what they were
	until   time.Time
}

func newListings() *listings { return &listings{kept: map[string]*listing{}} }

// of returns what is in a folder, or was a moment ago.
func (l *listings) of(dir string) (*listing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if x := l.kept[dir]; x != nil && now.Before(x.until) {
		return x, nil
	}
	delete(l.kept, dir)
	x := &listing{rotated: map[string][]string{}}
	err := eachEntry(dir, func(e os.DirEntry) bool {
		x.names = append(x.names, e.Name())
		return len(x.names) < maxNames
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(x.names)
	for _, name := range x.names {
		if from, ok := Rotated(name); ok {
			x.rotated[from] = append(x.rotated[from], name)
		}
	}
	if len(x.names) > largeFolder {
		if len(l.kept) >= maxListings {
			clear(l.kept)
		}
		x.until = rest(now)
		l.kept[dir] = x
	}
	return x, nil
}

// relatives returns the names of rotated copies of origin, and of origin itself moved
// aside, in dir.
func (l *listings) relatives(dir, origin string) ([]string, error) {
	x, err := l.of(dir)
	if err != nil {
		return nil, err
	}
	found := slices.Clone(x.rotated[origin])
	for _, mark := range []string{".", "-"} {
		prefix := origin + mark
		for i := sort.SearchStrings(x.names, prefix); i < len(x.names) && strings.HasPrefix(x.names[i], prefix); i++ {
			if _, ok := Rotated(x.names[i]); !ok && len(x.names[i]) > len(prefix) {
				found = append(found, x.names[i])
			}
		}
	}
	slices.Sort(found)
	return found[max(0, len(found)-maxBeside):], nil
}

// eachEntry calls f for what is in a folder, in no order, until it returns false.
func eachEntry(dir string, f func(os.DirEntry) bool) error {
	folder, err := os.OpenFile(dir, openFolder, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	for {
		entries, err := folder.ReadDir(atOnce)
		for _, e := range entries {
			if !f(e) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// glob returns the files that a pattern finds. Of a folder that holds too many it
// returns some.
func glob(pattern string) ([]string, error) {
	dir, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	dir = filepath.FromSlash(dir)
	if _, err := os.Stat(dir + string(filepath.Separator) + "."); err != nil { // it may be a pipe
		return nil, nil //nolint:nilerr // the caller reports that nothing was found
	}
	if strings.Contains(rest, "/") || !strings.ContainsAny(rest, "*?[{") {
		return doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly())
	}
	var found []string
	_ = eachEntry(dir, func(e os.DirEntry) bool {
		if ok, err := doublestar.Match(rest, e.Name()); !ok || err != nil || e.IsDir() {
			return true
		}
		path := filepath.Join(dir, e.Name())
		if e.Type()&os.ModeSymlink != 0 {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				return true
			}
		}
		found = append(found, path)
		return len(found) < 4*maxStreams
	})
	return found, nil
}
