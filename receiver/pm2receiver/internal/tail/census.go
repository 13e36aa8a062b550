package tail

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cespare/xxhash/v2"
)

// census notifies streams of changes of the files beside theirs.
func (t *Tailer) census(dir string) {
	beside := map[string]uint64{}
	err := eachEntry(dir, func(e os.DirEntry) bool {
		name := e.Name()
		from, ok := Rotated(name)
		if at := besideLog(name); !ok && at > 0 {
			from, ok = name[:at], true
		}
		if ok {
			// A rotation leaves the names as they were once there are as many copies as
			// are kept. A file that is gone by now is as good as none.
			at, _ := statPath(filepath.Join(dir, name))
			beside[from] += xxhash.Sum64String(fmt.Sprintf("%s\x00%v", name, at))
		}
		return true
	})
	if err != nil {
		return
	}
	for _, s := range t.all() {
		if s.dir == dir && s.watch.beside != beside[s.base] {
			s.watch.beside = beside[s.base]
			s.watch.relatives.Store(true)
			s.poke()
		}
	}
}
