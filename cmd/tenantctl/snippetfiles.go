// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// snippetFiles are the files of one onboarding. They are created, empty, before
// a key is created, so that no key is created for files that cannot be written.
type snippetFiles struct {
	snippets []operate.Snippet
	files    []*os.File // of each snippet
	done     bool
}

// newSnippetFiles creates the files of snippets with mode 0600 in dir, and dir with mode
// 0700 if it does not exist. It replaces no file.
func newSnippetFiles(dir string, snippets []operate.Snippet) (*snippetFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder of the snippets: %w", err)
	}
	f := &snippetFiles{snippets: snippets}
	for _, s := range snippets {
		file, err := os.OpenFile(filepath.Join(dir, s.File), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
func (f *snippetFiles) write(w io.Writer, o operate.Onboarding) error {
	f.done = true
	var errs []error
	for n, s := range f.snippets {
		file := f.files[n]
		_, err := file.WriteString(s.Text(o))
		errs = append(errs, err, file.Sync(), file.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for n, s := range f.snippets {
		if _, err := fmt.Fprintf(w, "%s  # %s\n", f.files[n].Name(), s.Title); err != nil {
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
