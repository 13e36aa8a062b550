// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writeTree writes the files of the image for one architecture below the output: those of
// root to root, and the folder of the state, which the Dockerfile gives to the user, to state.
func writeTree(set settings) error {
	if len(set.archs) != 1 {
		return errors.New("-tree takes one -arch")
	}
	layers, err := entriesOf(set.root, set.archs[0])
	if err != nil {
		return err
	}
	for _, folder := range []string{"root", "state"} {
		if err := os.RemoveAll(filepath.Join(set.output, folder)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(set.output, folder), 0o755); err != nil {
			return err
		}
	}
	for _, l := range layers {
		for _, e := range l {
			path := filepath.Join(set.output, "root", e.path)
			switch {
			case e.path == state:
				continue
			case e.mode.IsDir():
				err = os.MkdirAll(path, 0o755)
			default:
				err = os.WriteFile(path, e.content, 0o644)
			}
			if err != nil {
				return err
			}
			if err := os.Chmod(path, e.mode.Perm()|e.mode&fs.ModeSticky); err != nil { // whatever the umask is
				return err
			}
		}
	}
	// The folders' times change with what is written into them.
	return filepath.WalkDir(set.output, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, set.at, set.at)
	})
}
