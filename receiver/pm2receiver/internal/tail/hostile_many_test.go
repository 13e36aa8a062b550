package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// touch makes many empty files without keeping any.
func touch(t *testing.T, dir string, n int, name func(i int) string) {
	t.Helper()
	for i := range n {
		require.NoError(t, os.Symlink("missing", filepath.Join(dir, name(i))))
	}
}

// A folder may hold more files than anybody can follow.
func TestHostile_FolderWithMoreFilesThanAreFollowed(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "0.log")
	require.NoError(t, os.WriteFile(first, nil, 0o600))
	for i := 1; i < 4*maxStreams+500; i++ {
		require.NoError(t, os.Link(first, filepath.Join(dir, strings.Repeat("x", 200)+fmt.Sprint(i)+".log")))
		if i%30_000 == 0 { // a file has so many names only
			first = filepath.Join(dir, fmt.Sprint(i)+".log")
			require.NoError(t, os.WriteFile(first, nil, 0o600))
		}
	}
	paths, err := Finder{Include: []string{filepath.Join(dir, "*.log")}}.Find()
	require.NoError(t, err)
	assert.Len(t, paths, 4*maxStreams)
}

// Streams of a large folder do not each read all of it, and know few files beside theirs.
func TestListings_ShareWhatIsInALargeFolder(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, 2*largeFolder, func(i int) string { return fmt.Sprintf("a-out__2026-11-%02d_%05d.log", i%28+1, i) })
	touch(t, dir, 50, func(i int) string { return fmt.Sprintf("b-out.log.%d", i+1) })
	touch(t, dir, 1, func(int) string { return "b-out.log-20261121.gz" })
	touch(t, dir, 1, func(int) string { return "b-out.logs" })
	l := newListings()
	names, err := l.relatives(dir, "a-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 2*largeFolder)
	names, err = l.relatives(dir, "b-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 51)
	for _, name := range names {
		assert.True(t, relative(name, "b-out.log"), name)
	}
	kept := l.kept[dir]
	require.NotNil(t, kept, "it is large")
	kept.until = time.Now().Add(time.Hour)
	touch(t, dir, 1, func(int) string { return "b-out.log.99" })
	names, err = l.relatives(dir, "b-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 51, "as it was a moment ago")
	kept.until = time.Now()
	names, err = l.relatives(dir, "b-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 52)
	_, err = l.relatives(filepath.Join(dir, "missing"), "a")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestListings_AgreeWithTheNamesOfRelatives(t *testing.T) {
	dir := t.TempDir()
	all := []string{"a-out.log", "a-out.log.1", "a-out.log.", "a-out.log-", "a-out.log-1", "a-out.logx", "a-out.1.log", "a-out__2026-11-21_00-00-00.log", "a-out__2026-11-21_00-00-00.log.gz", "a-out-1.log", "a-out.log__2026-11-21", "b"}
	for _, name := range all {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for _, origin := range []string{"a-out.log", "a-out-1.log", "b", "a"} {
		var want []string
		for _, name := range all {
			if relative(name, origin) {
				want = append(want, name)
			}
		}
		got, err := newListings().relatives(dir, origin)
		require.NoError(t, err)
		assert.ElementsMatch(t, want, got, origin)
	}
}

func TestRest_IsALargePartOfTheTime(t *testing.T) {
	assert.True(t, rest(time.Now()).IsZero(), "what is quick is done whenever it is due")
	began := time.Now().Add(-time.Second)
	assert.Greater(t, time.Until(rest(began)), 9*time.Second)
}

// Files that change all the time hold up no others and fill no log.
func TestHostile_FilesThatChangeAllTheTime(t *testing.T) {
	h := newHome(t)
	h.start()
	stop := make(chan struct{})
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			path := h.path(fmt.Sprintf("wild%d-out.log", i))
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				switch i {
				case 0: // truncated and written again
					_ = os.WriteFile(path, []byte(fmt.Sprintf("%d\n", n)), 0o600)
				case 1: // rotated
					_ = os.WriteFile(path, []byte(fmt.Sprintf("%d\n", n)), 0o600)
					_ = os.Rename(path, fmt.Sprintf("%s.%d", path, n%50))
				case 2: // a link now and then
					_ = os.WriteFile(path, []byte(fmt.Sprintf("%d\n", n)), 0o600)
					_ = os.Remove(path)
					_ = os.Symlink("/proc/self/environ", path)
					_ = os.Remove(path)
				case 3: // always another name
					_ = os.WriteFile(fmt.Sprintf("%s-%d.log", path, n%500), nil, 0o600)
					_ = os.Remove(fmt.Sprintf("%s-%d.log", path, (n+250)%500))
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	calm := func() (all []string) {
		for _, line := range h.got() {
			if strings.HasPrefix(line, "calm") {
				all = append(all, line)
			}
		}
		return all
	}
	for i := range 20 {
		h.write("calm-out.log", numbered("calm", i*10+1, i*10+10))
		require.Eventually(t, func() bool { return len(calm()) == i*10+10 }, waitFor, tick)
	}
	close(stop)
	done.Wait()
	assert.Equal(t, split(numbered("calm", 1, 200)), calm())
	assert.Less(t, h.logs.Len(), 200)
}
