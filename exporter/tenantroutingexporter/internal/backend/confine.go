// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/foldname"
)

const rootPerm = 0o750

// confinement is the directory that contains all directories of an archive, whatever tenants' variables
// are. A nil confinement allows every directory.
type confinement struct {
	root string

	mu    sync.Mutex
	known bool // whether fold is
	fold  bool // the file system of the root ignores case
}

// newConfinement returns the confinement for the setting "root", or nil if it is empty.
func newConfinement(root string) (*confinement, error) {
	switch {
	case root == "":
		return nil, nil //nolint:nilnil // no confinement is a valid result
	case strings.ContainsAny(root, "{}"):
		return nil, errors.New("root: must be the same for all tenants, without {tenant} and {vars.<name>}")
	case !filepath.IsAbs(root):
		return nil, fmt.Errorf("root: must be an absolute path, got %q", root)
	case filepath.Dir(filepath.Clean(root)) == filepath.Clean(root):
		return nil, errors.New("root: must not be the root of the file system, which contains everything")
	}
	return &confinement{root: filepath.Clean(root)}, nil
}

// local returns the cleaned path relative to the root. Its errors do not quote the path, which may be a
// secret of the tenant.
func (c *confinement) local(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("must be an absolute path below archive::root, %s", c.root)
	}
	rel, err := filepath.Rel(c.root, filepath.Clean(path))
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("must be below archive::root, %s", c.root)
	}
	if rel == "." {
		return "", fmt.Errorf("must be a separate directory below archive::root, %s", c.root)
	}
	if strings.Contains(rel, "=") { // as in tenant=a: a folder that the archive creates
		return "", fmt.Errorf("must not have %q in its names below archive::root: such directories are those of an archive", "=")
	}
	return rel, nil
}

// check returns an error unless the text of path is below the root.
func (c *confinement) check(path string) error {
	if c == nil {
		return nil
	}
	_, err := c.local(path)
	return err
}

// resolve returns the path at which to open an archive. It rejects symbolic links below the root, which may
// lead anywhere. If the file system ignores case, it returns different paths for names that differ in
// case only.
func (c *confinement) resolve(path string) (string, error) {
	if c == nil {
		return path, nil
	}
	rel, err := c.local(path)
	if err != nil {
		return "", settingError{"directory", err}
	}
	if err := os.MkdirAll(c.root, rootPerm); err != nil {
		return "", fmt.Errorf("failed to create archive::root: %w", err)
	}
	fold, err := c.insensitive()
	if err != nil {
		return "", fmt.Errorf("failed to find out whether the file system of archive::root ignores case: %w", err)
	}
	if fold {
		rel = foldname.Encode(rel)
	}
	at := c.root
	for _, name := range strings.Split(rel, string(filepath.Separator)) {
		at = filepath.Join(at, name)
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return filepath.Join(c.root, rel), nil
		case err != nil:
			return "", err
		case !info.IsDir():
			return "", settingError{"directory", fmt.Errorf("%s below archive::root is not a directory; symbolic links are not followed there", name)}
		}
	}
	return at, nil
}

// insensitive is foldname.Insensitive for the root. It creates a file to find out.
func (c *confinement) insensitive() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		return c.fold, nil
	}
	fold, err := foldname.Insensitive(c.root)
	c.fold, c.known = fold, err == nil
	return fold, err
}
