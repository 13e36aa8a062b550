package storagecheckextension

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// asideSuffix ends the names of files set aside.
const asideSuffix = ".damaged"

// A file of file_storage is named after the component that it is for, or, if that
// name were too long, by its SHA-256.
var names = regexp.MustCompile(`^(?:(?:receiver|processor|exporter|extension|connector|other)_[A-Za-z0-9._~-]+|[0-9a-f]{64})$`)

// storageFile says whether a file is one of file_storage and not one set aside, by
// us or, with recreate, by it.
func storageFile(name string) bool {
	return names.MatchString(name) && !strings.HasSuffix(name, asideSuffix) && !strings.HasSuffix(name, ".backup")
}

func setAsideName(path string, at time.Time) string {
	return path + "." + at.UTC().Format("20060102T150405.000Z") + asideSuffix
}

// globEscape makes a pattern that matches just path.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// lock takes the lock that whoever opens the file for use holds meanwhile, and
// reports false if somebody has it. It ends with the file.
func lock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
