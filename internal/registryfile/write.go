package registryfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteAtomic makes data the content of path such that a reader, or a crash,
// sees either the old content or the new. It keeps mode and owner of what is
// there and replaces the target of a symbolic link, not the link. A new file is
// readable by its owner only.
func WriteAtomic(path string, data []byte) (err error) {
	path, err = target(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, temp.Close(), os.Remove(temp.Name()))
		}
	}()
	if _, err = temp.Write(data); err != nil {
		return err
	}
	switch old, statErr := os.Stat(path); {
	case statErr == nil:
		if err = keepOwner(temp, old); err != nil {
			return fmt.Errorf("keeping the owner of %s: %w", path, err)
		}
		if err = temp.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	case !errors.Is(statErr, fs.ErrNotExist):
		return statErr
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	// From here on path has the new content, and there is no temporary file.
	if closeErr := temp.Close(); closeErr != nil {
		return closeErr
	}
	return syncDir(dir)
}

// target follows path to the file to be replaced. The file need not exist, but
// a link must not lead nowhere: what is meant by that is not ours to guess.
func target(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	switch {
	case err == nil:
		return resolved, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	// A file that another program has just made is no link.
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", fmt.Errorf("%s is a symbolic link to a file that does not exist", path)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
