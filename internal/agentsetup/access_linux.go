// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
	"github.com/otelcol-tenant/otelcol-tenant/internal/posixacl"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// maxFiles bounds the log files of one folder that get access.
const maxFiles = 10_000

// access grants and removes the access of one user.
type access struct {
	user   *asuser.User
	dryRun bool
	line   func(format string, args ...any) // prints a change before it is made
	record *record
	refuse func(path, reason string)
	root   string          // of the machine's files
	joined bool            // the user is in a further group, which a running agent does not have
	dirs   map[string]bool // folders that the user may use after this run
}

// grantHome grants what reading the logs of a home needs: search permission on the folders above, the list of
// the folders, and reading of the files in them now and later. Only what belongs to the home's owner or, above
// the home, to root gets access.
func (a *access) grantHome(h *pm2home.Home) error {
	home, err := safepath.Open(h.Path)
	if err != nil {
		return err
	}
	defer home.Close()
	if home.Stat.Uid != h.Owner {
		return &fs.PathError{Op: "open", Path: h.Path, Err: safepath.ErrChanged}
	}
	if err := a.parents(home, h.Owner); err != nil {
		return err
	}
	if err := a.grant(home, asuser.List, 5); err != nil {
		return err
	}
	for _, name := range []string{"pm2.log", "dump.pm2"} {
		if err := a.file(home, name, h.Owner); err != nil {
			return err
		}
	}
	if err := a.logs(home, h); err != nil {
		return err
	}
	for _, path := range h.Listed {
		if err := a.listed(path, h.Owner); err != nil {
			return err
		}
	}
	return nil
}

// parents grants search permission on the folders above f.
func (a *access) parents(f *safepath.File, owner uint32) error {
	for _, p := range f.Parents {
		dir, err := safepath.Open(p.Path)
		if err != nil {
			return err
		}
		err = func() error {
			defer dir.Close()
			if a.has(dir.Path, asuser.Search) {
				return nil
			}
			if dir.Stat.Uid != owner && dir.Stat.Uid != 0 {
				return &fs.PathError{Op: "open", Path: dir.Path, Err: errors.New("is closed, and belongs neither to the owner of the home nor to root")}
			}
			return a.grant(dir, asuser.Search, 1)
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// has reports whether the user has access already. In a dry run folders that would get access count.
func (a *access) has(path string, want asuser.Want) bool {
	if a.dirs[path] {
		return true
	}
	return a.user.Check(path, want) == nil
}

// logs grants access to the folder of the log files, to those in it, and to those that PM2 creates later.
func (a *access) logs(home *safepath.File, h *pm2home.Home) error {
	logs, err := home.OpenIn("logs")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		a.refuse(filepath.Join(home.Path, "logs"), safepath.Reason(err))
		return nil
	}
	defer logs.Close()
	if !logs.IsDir() || logs.Stat.Uid != h.Owner {
		a.refuse(logs.Path, "is not a folder of the owner of the home")
		return nil
	}
	if err := a.grant(logs, asuser.List, 5); err != nil {
		return err
	}
	names, err := logs.Readdirnames(maxFiles)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	slices.Sort(names)
	closed := uint32(0) // what no file permits
	for _, name := range names {
		if f, err := logs.OpenIn(name); err == nil {
			if !f.IsDir() && f.Stat.Uid == h.Owner && strings.HasSuffix(name, ".log") {
				closed |= ^f.Stat.Mode & 0o044
			}
			_ = f.Close()
		}
	}
	if err := a.future(logs, h.Umask, closed); err != nil {
		return err
	}
	for _, name := range names {
		if err := a.file(logs, name, h.Owner); err != nil {
			return err
		}
	}
	return nil
}

// file grants reading of a regular file in a folder.
func (a *access) file(dir *safepath.File, name string, owner uint32) error {
	f, err := dir.OpenIn(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		a.refuse(filepath.Join(dir.Path, name), safepath.Reason(err))
		return nil
	}
	defer f.Close()
	return a.readable(f, owner)
}

// readable grants reading of an open file of the owner.
func (a *access) readable(f *safepath.File, owner uint32) error {
	switch {
	case f.IsDir():
		return nil
	case f.Stat.Uid != owner:
		a.refuse(f.Path, "belongs to another user than the home")
		return nil
	case f.Stat.Nlink > 1:
		a.refuse(f.Path, "has several names (hard links)")
		return nil
	}
	return a.grant(f, asuser.Read, 4)
}

// listed grants reading of a log file outside of the home.
func (a *access) listed(path string, owner uint32) error {
	f, err := safepath.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		a.refuse(path, safepath.Reason(err))
		return nil
	}
	defer f.Close()
	if f.IsDir() || f.Stat.Uid != owner {
		a.refuse(path, "is not a file of the owner of the home")
		return nil
	}
	if err := a.parents(f, owner); err != nil {
		a.refuse(path, safepath.Reason(err))
		return nil
	}
	return a.readable(f, owner)
}

// grant gives the user access to an open file or folder unless it has it.
func (a *access) grant(f *safepath.File, want asuser.Want, perm posixacl.Perm) error {
	present, err := posixacl.Get(f.File, posixacl.Access)
	if err != nil {
		return failed(f, err)
	}
	if present == nil {
		present = posixacl.FromMode(f.Stat.Mode)
	}
	e, mine := present.Effective(a.user.UID)
	switch {
	case mine && e&perm == perm:
		a.remember(f)
		a.record.add(f.Path, false)
		return nil // granted earlier
	case !mine && a.reads(f, want):
		return nil
	}
	next, changes := present.Grant(a.user.UID, perm)
	if len(changes) == 0 {
		return nil
	}
	a.line("setfacl -m %s %s", a.named(changes), shellWord(f.Path))
	a.remember(f)
	if a.dryRun {
		return nil
	}
	a.record.add(f.Path, false)
	if err := posixacl.Set(f.File, posixacl.Access, next); err != nil {
		return failed(f, err)
	}
	return nil
}

// remember notes a folder that the user may use after this run.
func (a *access) remember(f *safepath.File) {
	if a.dirs == nil {
		a.dirs = map[string]bool{}
	}
	if f.IsDir() {
		a.dirs[f.Path] = true
	}
}

// reads reports whether the user has access without an entry of its own.
func (a *access) reads(f *safepath.File, want asuser.Want) bool {
	if a.user.ReadsAll {
		return true
	}
	bits := map[asuser.Want]uint32{asuser.Search: 1, asuser.List: 5, asuser.Read: 4}[want]
	mode := f.Stat.Mode
	switch {
	case f.Stat.Uid == a.user.UID:
		return mode>>6&bits == bits
	case f.Stat.Gid == a.user.GID || slices.Contains(a.user.Groups, f.Stat.Gid):
		return mode>>3&bits == bits
	}
	return mode&bits == bits
}

// future grants reading of files that are created in a folder later. Without a default list the umask limits
// the permissions of new files, and with one the list does. The list is made so that others get what they got:
// umask is that of PM2's daemon, or -1, and closed is what the files that exist do not permit.
func (a *access) future(dir *safepath.File, umask int, closed uint32) error {
	present, err := posixacl.Get(dir.File, posixacl.Default)
	if err != nil {
		return failed(dir, err)
	}
	made := present == nil
	if made {
		open := dir.Stat.Mode & 0o777
		if umask >= 0 {
			open = 0o777 &^ uint32(umask)
		}
		if closed&0o040 != 0 {
			open &^= 0o070
		}
		if closed&0o004 != 0 {
			open &^= 0o007
		}
		present = posixacl.FromMode(open | 0o700)
	}
	next, changes := present.Grant(a.user.UID, 5)
	if len(changes) == 0 && !made {
		a.record.addFolder(dir.Path, false)
		return nil
	}
	if made {
		changes = []string{}
		for _, e := range next {
			if e.Tag != posixacl.Mask {
				changes = append(changes, e.String())
			}
		}
	}
	a.line("setfacl -d -m %s %s", a.named(changes), shellWord(dir.Path))
	if a.dryRun {
		return nil
	}
	a.record.addFolder(dir.Path, made)
	if err := posixacl.Set(dir.File, posixacl.Default, next); err != nil {
		return failed(dir, err)
	}
	return nil
}

// named returns changes with the name of the user.
func (a *access) named(changes []string) string {
	return strings.ReplaceAll(strings.Join(changes, ","), fmt.Sprintf("u:%d:", a.user.UID), "u:"+a.user.Name+":")
}

func failed(f *safepath.File, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &fs.PathError{Op: "setfacl", Path: f.Path, Err: err}
}

// removeAll removes the entries of the user from everything that is recorded, and from the files in recorded
// folders, which may be newer. It returns what may have its entry at another place: it is a link now, or it does
// not exist and its folder is not the one that was recorded, as with a home that is not mounted.
func (a *access) removeAll() (left []granted, err error) {
	var errs []error
	recorded := a.recorded()
	for _, g := range a.record.Granted {
		f, err := safepath.Open(g.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && recorded[filepath.Dir(g.Path)]:
			continue // such as a log file that was rotated
		case errors.Is(err, fs.ErrNotExist):
			left = append(left, g)
			continue
		case err != nil:
			a.refuse(g.Path, safepath.Reason(err))
			left = append(left, g)
			continue
		}
		errs = append(errs, a.remove(f, g.Default), a.narrow(f, g.Bits))
		if f.IsDir() && g.Files {
			names, err := f.Readdirnames(maxFiles)
			if err != nil && !errors.Is(err, io.EOF) {
				errs = append(errs, err)
			}
			for _, name := range names {
				if inner, err := f.OpenIn(name); err == nil {
					errs = append(errs, a.remove(inner, false))
					_ = inner.Close()
				}
			}
		}
		_ = f.Close()
	}
	// A folder without its entry that lacks recorded content is another one, such as a mount point.
	for _, g := range a.record.Granted {
		below := func(l granted) bool { return strings.HasPrefix(l.Path, g.Path+"/") }
		if has, opened := recorded[g.Path]; opened && !has && slices.ContainsFunc(left, below) {
			left = append(left, g)
		}
	}
	for _, group := range a.record.Groups {
		a.line("gpasswd -d %s %s", a.user.Name, group)
		if a.dryRun {
			continue
		}
		if out, err := program(context.Background(), "gpasswd", "-d", a.user.Name, group); err != nil {
			errs = append(errs, fmt.Errorf("gpasswd: %w: %s", err, strings.TrimSpace(out)))
		}
	}
	return left, errors.Join(errs...)
}

// recorded returns the folders of the record that have what was granted.
func (a *access) recorded() map[string]bool {
	have := map[string]bool{}
	for _, g := range a.record.Granted {
		f, err := safepath.Open(g.Path)
		if err != nil {
			continue // removeAll reports it
		}
		have[g.Path] = f.IsDir() && (g.Bits&f.Stat.Mode != 0 || a.entry(f, posixacl.Access) || a.entry(f, posixacl.Default))
		_ = f.Close()
	}
	return have
}

// entry reports whether a list of f has an entry of the user.
func (a *access) entry(f *safepath.File, kind posixacl.Kind) bool {
	present, err := posixacl.Get(f.File, kind)
	if err != nil || present == nil {
		return false
	}
	_, changed := present.Revoke(a.user.UID)
	return changed
}

// narrow removes permissions of the group.
func (a *access) narrow(f *safepath.File, bits uint32) error {
	if bits&f.Stat.Mode == 0 {
		return nil
	}
	letters := map[uint32]string{0o010: "x", 0o040: "r", 0o050: "rx"}[bits&0o050]
	a.line("chmod g-%s %s", letters, shellWord(f.Path))
	if a.dryRun {
		return nil
	}
	return chmod(f, f.Stat.Mode&^bits)
}

// chmod sets the permissions of an open file, and keeps its other bits, such as that which gives new files the
// group of a folder.
func chmod(f *safepath.File, mode uint32) error {
	if err := unix.Fchmod(int(f.Fd()), mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: f.Path, Err: err}
	}
	return nil
}

// remove removes the entries of the user from one file or folder.
func (a *access) remove(f *safepath.File, made bool) error {
	present, err := posixacl.Get(f.File, posixacl.Access)
	if err != nil {
		if errors.Is(err, posixacl.ErrUnsupported) {
			return nil
		}
		return failed(f, err)
	}
	if next, changed := present.Revoke(a.user.UID); changed {
		a.line("setfacl -x u:%s %s", a.user.Name, shellWord(f.Path))
		if !a.dryRun {
			if err := posixacl.Set(f.File, posixacl.Access, next); err != nil {
				return failed(f, err)
			}
		}
	}
	if !f.IsDir() {
		return nil
	}
	present, err = posixacl.Get(f.File, posixacl.Default)
	if err != nil {
		return failed(f, err)
	}
	next, changed := present.Revoke(a.user.UID)
	if !changed {
		return nil
	}
	if made && len(next) == 3 {
		next = nil
	}
	if next == nil {
		a.line("setfacl -k %s", shellWord(f.Path))
	} else {
		a.line("setfacl -d -x u:%s %s", a.user.Name, shellWord(f.Path))
	}
	if a.dryRun {
		return nil
	}
	if err := posixacl.Set(f.File, posixacl.Default, next); err != nil {
		return failed(f, err)
	}
	return nil
}

// shellWord returns a path as a word of a shell, on one line.
func shellWord(path string) string {
	switch {
	case strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@%") == "":
		return path
	case safetext.Clean(path) == path:
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}
