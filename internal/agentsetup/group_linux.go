// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
)

// grantGroup grants access through the group of a home, on file systems without access control lists. The group
// must be private to the home's owner: what the group gets would otherwise be granted to its other members.
func (a *access) grantGroup(h *pm2home.Home) error {
	home, err := safepath.Open(h.Path)
	if err != nil {
		return err
	}
	defer home.Close()
	gid := home.Stat.Gid
	group, err := user.LookupGroupId(strconv.FormatUint(uint64(gid), 10))
	if err != nil {
		return &fs.PathError{Op: "chgrp", Path: h.Path, Err: fmt.Errorf("its group %d has no name", gid)}
	}
	// Otherwise a user who is alone in a group with privileges, such as docker, could give it to the agent.
	if primary, err := primaryOf(a.root, h.User); err != nil || primary != group.Gid {
		return errors.Join(err, &fs.PathError{Op: "chgrp", Path: h.Path, Err: fmt.Errorf("its file system has no access control lists, and its group %s is not the primary group of %s: run the agent as %s", group.Name, h.User, h.User)})
	}
	others, err := membersOf(a.root, group, h.User, a.user.Name)
	if err != nil {
		return err
	}
	if len(others) > 0 || gid == 0 {
		return &fs.PathError{Op: "chgrp", Path: h.Path, Err: fmt.Errorf("its file system has no access control lists, and its group %s is not private to %s (%s): run the agent as %s", group.Name, h.User, strings.Join(others, ", "), h.User)}
	}
	if !slices.Contains(a.user.Groups, gid) {
		a.line("usermod -aG %s %s", group.Name, a.user.Name)
		if !a.dryRun {
			if out, err := program(context.Background(), "usermod", "-aG", group.Name, a.user.Name); err != nil {
				return fmt.Errorf("usermod: %w: %s", err, strings.TrimSpace(out))
			}
			a.record.addGroup(group.Name)
		}
		a.user.Groups = append(a.user.Groups, gid)
		a.joined = true
	}
	for _, p := range home.Parents {
		dir, err := safepath.Open(p.Path)
		if err != nil {
			return err
		}
		if !a.has(p.Path, asuser.Search) {
			err = a.widen(dir, h.Owner, gid, 0o010)
		}
		_ = dir.Close()
		if err != nil {
			return err
		}
	}
	if err := a.widen(home, h.Owner, gid, 0o050); err != nil {
		return err
	}
	for _, name := range []string{"pm2.log", "dump.pm2"} {
		a.widenIn(home, name, h.Owner, gid)
	}
	logs, err := home.OpenIn("logs")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer logs.Close()
	if err := a.widen(logs, h.Owner, gid, 0o050); err != nil {
		return err
	}
	names, err := logs.Readdirnames(maxFiles)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		a.widenIn(logs, name, h.Owner, gid)
	}
	if h.Umask >= 0 && h.Umask&0o040 != 0 {
		a.refuse(logs.Path, fmt.Sprintf("PM2 of %s has the umask %04o, so its group may not read files that it creates later", h.User, h.Umask))
	}
	return nil
}

// widenIn is widen for the file of a name.
func (a *access) widenIn(dir *safepath.File, name string, owner, gid uint32) {
	f, err := dir.OpenIn(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		defer f.Close()
		if f.IsDir() {
			return
		}
		err = a.widen(f, owner, gid, 0o040)
	}
	if err != nil {
		a.refuse(filepath.Join(dir.Path, name), safepath.Reason(err))
	}
}

// widen gives the group of an open file the permissions in bits.
func (a *access) widen(f *safepath.File, owner, gid, bits uint32) error {
	if f.Stat.Mode&bits == bits {
		return nil
	}
	if f.Stat.Uid != owner || f.Stat.Gid != gid {
		return &fs.PathError{Op: "chmod", Path: f.Path, Err: errors.New("has another owner or group than the home")}
	}
	letters := map[uint32]string{0o010: "x", 0o040: "r", 0o050: "rx"}[bits]
	a.line("chmod g+%s %s", letters, shellWord(f.Path))
	a.remember(f)
	if a.dryRun {
		return nil
	}
	a.record.addMode(f.Path, bits&^f.Stat.Mode)
	return chmod(f, f.Stat.Mode|bits)
}

// primaryOf returns the number of the primary group of a user.
func primaryOf(root, name string) (gid string, err error) {
	err = eachLine(filepath.Join(root, "/etc/passwd"), func(fields []string) {
		if len(fields) >= 4 && fields[0] == name {
			gid = fields[3]
		}
	})
	return gid, err
}

// membersOf returns the members of a group without some users.
func membersOf(root string, group *user.Group, except ...string) (others []string, err error) {
	add := func(name string) {
		if name != "" && !slices.Contains(except, name) && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	err = eachLine(filepath.Join(root, "/etc/group"), func(fields []string) {
		if len(fields) >= 4 && fields[2] == group.Gid {
			for member := range strings.SplitSeq(fields[3], ",") {
				add(member)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	err = eachLine(filepath.Join(root, "/etc/passwd"), func(fields []string) {
		if len(fields) >= 4 && fields[3] == group.Gid {
			add(fields[0])
		}
	})
	return others, err
}

// eachLine calls f with the fields of each line of a file such as /etc/passwd.
func eachLine(path string, f func(fields []string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f(strings.Split(lines.Text(), ":"))
	}
	return lines.Err()
}
