// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// journalName is the file that lists the open files, so that a start after a crash repairs these and does
// not read the whole archive.
const journalName = ".open-files"

// compactAfter is how many more lines than open files the journal may have.
const compactAfter = 10000

// journal is guarded by Archive.mu.
type journal struct {
	sync  func(*os.File) error // nil: a power failure may leave incomplete lines
	path  string
	f     *os.File
	lines int
	torn  bool // the last line may be incomplete
	open  map[string]bool
}

// openJournal repairs the files that were open when the last run ended.
func openJournal(directory string, sync func(*os.File) error) (*journal, error) {
	j := &journal{sync: sync, path: filepath.Join(directory, journalName), open: make(map[string]bool)}
	data, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("failed to read the list of open files: %w", err)
	}
	remaining := make(map[string]bool)
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		line := scanner.Text()
		switch {
		case len(line) < 2 || !filepath.IsLocal(line[1:]):
		case line[0] == '+':
			remaining[line[1:]] = true
		case line[0] == '-':
			delete(remaining, line[1:])
		}
	}
	for name := range remaining {
		if err := repairFile(filepath.Join(directory, name)); err != nil {
			return nil, fmt.Errorf("failed to repair a file of the archive: %w", err)
		}
	}
	if err := j.rewrite(); err != nil {
		if j.f != nil {
			err = errors.Join(err, j.f.Close())
		}
		return nil, err
	}
	return j, nil
}

// opened records that name may have an incomplete line from now on.
func (j *journal) opened(name string) error {
	if j.lines > len(j.open)+compactAfter {
		if err := j.rewrite(); err != nil {
			return err
		}
	}
	if err := j.write("+" + name + "\n"); err != nil {
		return err
	}
	if j.sync != nil {
		if err := j.sync(j.f); err != nil {
			return err
		}
	}
	j.open[name] = true
	return nil
}

// closed records that name is complete. If that fails, the next start checks the file without need.
func (j *journal) closed(name string) {
	delete(j.open, name)
	_ = j.write("-" + name + "\n")
}

func (j *journal) write(line string) error {
	j.lines++
	if j.torn { // a full disk cut it off
		line = "\n" + line
	}
	_, err := j.f.WriteString(line)
	if j.torn = err != nil; j.torn {
		return fmt.Errorf("failed to write the list of open files: %w", err)
	}
	return nil
}

// rewrite starts a new journal with the open files.
func (j *journal) rewrite() error {
	var b strings.Builder
	for name := range j.open {
		b.WriteString("+" + name + "\n")
	}
	temporary := j.path + ".new"
	if err := os.WriteFile(temporary, []byte(b.String()), filePerm); err != nil {
		return fmt.Errorf("failed to write the list of open files: %w", err)
	}
	if err := os.Rename(temporary, j.path); err != nil {
		return fmt.Errorf("failed to write the list of open files: %w", err)
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, filePerm)
	if err != nil {
		return fmt.Errorf("failed to open the list of open files: %w", err)
	}
	if j.f != nil {
		_ = j.f.Close()
	}
	j.f, j.lines, j.torn = f, len(j.open), false
	if j.sync != nil {
		return j.sync(f)
	}
	return nil
}

func (j *journal) close() error { return j.f.Close() }

// repairFile ignores what is not a regular file: an incomplete line of the journal may name a folder.
func repairFile(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, filePerm)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = repair(f)
	return errors.Join(err, f.Close())
}

// repair removes an incomplete line or frame at the end of f and returns its size.
func repair(f *os.File) (int64, error) {
	if strings.HasSuffix(f.Name(), compressedExtension) {
		return repairFrames(f)
	}
	return repairLines(f)
}
