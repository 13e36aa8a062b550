// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// cgroup is a memory cgroup of version 1 or 2.
type cgroup struct{ dir string }

func newCgroup(bytes int64) (*cgroup, error) {
	name := fmt.Sprintf("otelcol-tenant-hostile-%d", os.Getpid())
	limit := []byte(strconv.FormatInt(bytes, 10))
	v1 := filepath.Join("/sys/fs/cgroup/memory", name)
	err := os.Mkdir(v1, 0o755)
	if err == nil {
		c := &cgroup{v1}
		if err := os.WriteFile(filepath.Join(v1, "memory.limit_in_bytes"), limit, 0o600); err != nil {
			return nil, errors.Join(err, c.remove())
		}
		return c, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c := &cgroup{filepath.Join("/sys/fs/cgroup", name)}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(c.dir, "memory.max"), limit, 0o600); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// command returns a command that runs path within the cgroup.
func (c *cgroup) command(path string, args []string) (string, []string) {
	script := `echo $$ > "$0"/cgroup.procs && exec "$@"`
	return "/bin/sh", append([]string{"-c", script, c.dir, path}, args...)
}

// remove removes the cgroup, in which no process may run.
func (c *cgroup) remove() error {
	if c == nil {
		return nil
	}
	return os.Remove(c.dir)
}
