package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// snippetFiles are the files of one onboarding. They are created, empty, before
// a key is made, so that a key is not made for files that cannot be written.
type snippetFiles struct {
	files []*os.File
	done  bool
}

// newSnippetFiles creates the files with mode 0600 in dir, and dir with mode
// 0700 if it is missing. It replaces no file.
func newSnippetFiles(dir string) (*snippetFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the snippets: %w", err)
	}
	f := &snippetFiles{}
	for _, x := range snippets() {
		file, err := os.OpenFile(filepath.Join(dir, x.file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			f.abandon()
			if errors.Is(err, os.ErrExist) {
				err = fmt.Errorf("%w: it may hold a key that is in use; remove it or choose another folder", err)
			}
			return nil, err
		}
		f.files = append(f.files, file)
	}
	return f, nil
}

// write fills the files and prints their names. After an error the files that
// were filled stay, since a key in them is shown nowhere else.
func (f *snippetFiles) write(w io.Writer, s onboardSettings) error {
	f.done = true
	var errs []error
	for n, x := range snippets() {
		file := f.files[n]
		_, err := file.WriteString(x.text(s, false))
		errs = append(errs, err, file.Sync(), file.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for n, x := range snippets() {
		if _, err := fmt.Fprintf(w, "%s  # %s\n", f.files[n].Name(), x.title); err != nil {
			return err
		}
	}
	return nil
}

// abandon removes the files unless they were written.
func (f *snippetFiles) abandon() {
	if f.done {
		return
	}
	for _, file := range f.files {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
}
