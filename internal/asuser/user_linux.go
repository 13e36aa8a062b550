// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package asuser

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// ErrNotPermitted is returned if this process may not act as the user.
var ErrNotPermitted = errors.New("only root can check what another user may read")

// User is a user whose access is checked.
type User struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32
	Home   string
	// ReadsAll is true for a process with CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE, and for root.
	ReadsAll bool
}

// Lookup returns the user of a name or a number, with its groups, and with the additional groups of a unit.
func Lookup(name string, additional ...string) (*User, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("there is no user %q", name)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	found := &User{Name: u.Username, UID: uint32(uid), GID: uint32(gid), Home: u.HomeDir, ReadsAll: uid == 0}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	for _, name := range additional {
		g, err := user.LookupGroup(name)
		if err != nil {
			return nil, fmt.Errorf("there is no group %q", name)
		}
		ids = append(ids, g.Gid)
	}
	for _, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found.Groups, uint32(n)) {
			found.Groups = append(found.Groups, uint32(n))
		}
	}
	return found, nil
}

// Do calls f on a thread whose access to files is that of the user. f must not start goroutines for the
// access, and must not keep the thread's identity for anything but access to files.
func (u *User) Do(f func() error) error {
	if u.ReadsAll {
		return f()
	}
	if os.Geteuid() != 0 {
		if os.Geteuid() == int(u.UID) {
			return f()
		}
		return ErrNotPermitted
	}
	err := errors.New("the check ended in a panic")
	var wg sync.WaitGroup
	(&recovery.Recoverer{}).Go(&wg, "file access of another user", func() {
		// The thread keeps the identity, and ends with the goroutine because it is never unlocked.
		runtime.LockOSThread()
		err = u.become(f)
	})
	wg.Wait()
	return err
}

func (u *User) become(f func() error) error {
	groups := u.Groups
	if len(groups) == 0 {
		groups = []uint32{u.GID}
	}
	if err := setThreadGroups(groups); err != nil {
		return fmt.Errorf("cannot take the groups of %s: %w", u.Name, err)
	}
	if err := unix.Setfsgid(int(u.GID)); err != nil {
		return fmt.Errorf("cannot take the group of %s: %w", u.Name, err)
	}
	if err := unix.Setfsuid(int(u.UID)); err != nil {
		return fmt.Errorf("cannot act as %s: %w", u.Name, err)
	}
	// These calls report no failure. A second call returns what is in force.
	if uid, _ := unix.SetfsuidRetUid(-1); uid != int(u.UID) {
		return fmt.Errorf("cannot act as %s", u.Name)
	}
	return f()
}

// setThreadGroups sets the groups of this thread alone: unlike package syscall's, unix.Setgroups does not
// change the other threads.
func setThreadGroups(groups []uint32) error {
	all := make([]int, len(groups))
	for i, g := range groups {
		all[i] = int(g)
	}
	return unix.Setgroups(all)
}

// Want is the access that is checked.
type Want uint8

const (
	// Search is the permission to use what is in a folder.
	Search Want = iota
	// List is the permission to list a folder and to use what is in it.
	List
	// Read is the permission to read a file.
	Read
	// ReadWrite is the permission to connect to a socket.
	ReadWrite
)

// Blocked is the first place in a path at which a user has no access.
type Blocked struct {
	Path   string // the folder or the file
	Lacks  string // the permission: search (x), list (rx), read (r), or read and write (rw)
	Err    error  // of the kernel
	Absent bool   // the path does not exist, as far as the user can see
}

// Error implements error.
func (b *Blocked) Error() string {
	if b.Absent {
		return b.Path + " does not exist"
	}
	return fmt.Sprintf("no %s permission on %s", b.Lacks, b.Path)
}

// Check returns nil if the user has the wanted access to an absolute path, and a [*Blocked] that names the
// first place in the path without it. Any other error means that the access is not known. A link in the
// path is followed as the user would.
func (u *User) Check(path string, want Want) error {
	path = filepath.Clean(path)
	var blocked *Blocked
	err := u.Do(func() error {
		blocked = firstBlocked(path, want)
		return nil
	})
	if err != nil {
		return err
	}
	if blocked != nil {
		return blocked
	}
	return nil
}

func firstBlocked(path string, want Want) *Blocked {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	at := "/"
	for _, part := range parts {
		if part == "" {
			continue
		}
		next := filepath.Join(at, part)
		var st unix.Stat_t
		switch err := unix.Stat(next, &st); {
		case errors.Is(err, unix.EACCES):
			// The folder is closed, or the target of a link is behind a closed folder.
			if target, lerr := os.Readlink(next); lerr == nil {
				if !filepath.IsAbs(target) {
					target = filepath.Join(at, target)
				}
				if b := firstBlocked(filepath.Clean(target), Search); b != nil {
					return b
				}
			}
			return &Blocked{Path: at, Lacks: "search (x)", Err: err}
		case err != nil:
			return &Blocked{Path: next, Err: err, Absent: errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)}
		}
		at = next
	}
	lacks := map[Want]string{Search: "search (x)", List: "list (rx)", Read: "read (r)", ReadWrite: "read and write (rw)"}[want]
	if err := try(at, want); err != nil {
		return &Blocked{Path: at, Lacks: lacks, Err: err, Absent: errors.Is(err, unix.ENOENT)}
	}
	return nil
}

// try uses what is at path as wanted.
func try(path string, want Want) error {
	if want == ReadWrite {
		return unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK|unix.W_OK, unix.AT_EACCESS)
	}
	var st unix.Stat_t
	if want != Read {
		if err := unix.Stat(path+"/.", &st); err != nil || want == Search {
			return err
		}
	}
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK, unix.AT_EACCESS)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
