package tail

import (
	"os"
	"strconv"
	"strings"
)

// place returns the path of an open file now, or "" if it has none any more or that is
// not known.
func place(f *os.File) string {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return ""
	}
	return path
}
