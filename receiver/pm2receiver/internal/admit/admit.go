// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package admit decides which files in PM2's folders may be read.
//
// A user who can write to a log folder controls what is in it. With links, that is any file
// that the collector may read, including files that the user may not. Therefore the collector
// reads for the owner of a folder only what that user could have written there, and nothing
// that the collector itself writes.
package admit

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

// Reason is why a file is not read. It is the value of a metric attribute.
type Reason string

// The reasons.
const (
	// NotRegular files are pipes, devices, folders and files of the kernel.
	NotRegular Reason = "not_regular"
	// OtherOwner files belong to another user than their folder, and are not readable for
	// everyone or have a second name.
	OtherOwner Reason = "other_owner"
	// LinkTarget files are links to a file that the owner of the folder does not own.
	LinkTarget Reason = "link_target"
	// OwnFile files are written by the collector itself.
	OwnFile Reason = "own_file"
	// Excluded files match "exclude", or are links to such a file.
	Excluded Reason = "excluded"
	// NotIncluded files are written by PM2, and no pattern of the receiver matches them.
	NotIncluded Reason = "not_included"
	// Unreadable files are written by PM2, and this process has no permission to read them.
	Unreadable Reason = "unreadable"
)

// Refusal is the error for a file that may not be read.
type Refusal struct {
	Reason Reason
	Path   string
	why    string
}

// Refuse returns the refusal of a file. why completes the sentence "the file is not read:".
func Refuse(path string, reason Reason, why string) *Refusal {
	return &Refusal{Reason: reason, Path: path, why: why}
}

// Error implements error.
func (r *Refusal) Error() string { return r.Path + " is not read: " + r.why }

// Refused returns the refusal in err, or nil.
func Refused(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// Settings are those of a [Gate].
type Settings struct {
	// AnyOwner admits files and links of any owner.
	AnyOwner bool
	// Excluded reports whether an absolute path is excluded. nil excludes none.
	Excluded func(path string) bool
	// Own knows the files that this process writes. nil knows none.
	Own *Own
	// User is the user ID of this process.
	User uint32
	// Named returns the user whose PM2 lists an absolute path. It reports true if the path is
	// to be read only because PM2 lists it. nil reports false.
	Named func(path string) (user uint32, listedOnly bool)
}

// Gate opens the files that may be read. It is safe for concurrent use.
type Gate struct{ set Settings }

// New returns a gate.
func New(set Settings) *Gate { return &Gate{set: set} }

// Check returns an error if the file at path may not be read or does not exist. It does not
// open the file.
func (g *Gate) Check(path string) error {
	found, err := g.find(path)
	if err != nil {
		return err
	}
	found.Close()
	return nil
}

// Open opens the file at path. It opens exactly the file that it has checked.
func (g *Gate) Open(path string) (*os.File, error) {
	found, err := g.find(path)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return found.Open()
}

// CheckNamed is Check for a file that the PM2 of a user lists.
func (g *Gate) CheckNamed(path string, user uint32) error {
	found, err := g.findNamed(path, user, true)
	if err != nil {
		return err
	}
	found.Close()
	return nil
}

// OpenNamed is Open for a file that the PM2 of a user lists.
func (g *Gate) OpenNamed(path string, user uint32) (*os.File, error) {
	found, err := g.findNamed(path, user, true)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return found.Open()
}

func (g *Gate) find(path string) (*regularfile.Found, error) {
	var user uint32
	named := false
	if g.set.Named != nil {
		user, named = g.set.Named(path)
	}
	return g.findNamed(path, user, named)
}

func (g *Gate) findNamed(path string, user uint32, named bool) (*regularfile.Found, error) {
	found, err := regularfile.Find(path)
	if err != nil {
		return nil, err
	}
	reason, why := g.judge(found, path)
	if reason == "" && named {
		reason, why = g.judgeNamed(found, user)
	}
	if reason != "" {
		found.Close()
		return nil, &Refusal{Reason: reason, Path: path, why: why}
	}
	return found, nil
}

// judge returns why a file may not be read, or an empty reason.
func (g *Gate) judge(f *regularfile.Found, path string) (Reason, string) {
	switch {
	case f.Virtual:
		return NotRegular, "it is in a virtual file system"
	case !f.File.Mode.IsRegular():
		return NotRegular, "it is not a regular file"
	case g.set.Own != nil && g.set.Own.wrote(f.File, path, f.Path):
		return OwnFile, "this collector writes it, and would read its own lines in a loop"
	case g.set.Own != nil && linked(f.Links) && g.set.Own.keeps(f.Path):
		return OwnFile, "it is a link into the folder of this collector's storage"
	case g.set.Excluded != nil && g.set.Excluded(path):
		return Excluded, `"exclude" names it`
	case f.Path != path && g.set.Excluded != nil && g.set.Excluded(f.Path):
		return Excluded, `it is a link to a file that "exclude" names`
	case g.set.AnyOwner:
		return "", ""
	}
	return g.owner(f)
}

// judgeNamed returns why a file that passes judge may not be read for a user whose PM2 lists
// it, or an empty reason. To name a file in PM2, a user needs neither a link to it nor a
// folder, so the rules of judge are not enough.
func (g *Gate) judgeNamed(f *regularfile.Found, user uint32) (Reason, string) {
	file := f.File
	switch {
	case g.set.Own != nil && g.set.Own.keeps(f.Path):
		return OwnFile, "it is in the folder of this collector's storage"
	case g.set.AnyOwner, g.trusted(user), file.Owner == user:
		return "", ""
	case f.Folder.Owner == user && file.Mode&0o004 != 0 && file.Links == 1 && len(f.Links) == 0:
		return "", "" // as logrotate creates it
	}
	return OtherOwner, "it is listed by the PM2 of another user than its owner"
}

// linked reports whether the file itself, and not only a folder above it, is a link.
func linked(links []regularfile.Link) bool {
	return slices.ContainsFunc(links, func(l regularfile.Link) bool { return l.Last })
}

// owner applies the rules about the owners of the file, its folder and the links to it.
func (g *Gate) owner(f *regularfile.Found) (Reason, string) {
	file, folder := f.File.Owner, f.Folder.Owner
	public := f.File.Mode&0o004 != 0
	for _, l := range f.Links {
		for _, user := range []uint32{l.Owner, l.Folder} {
			if !g.trusted(user) && user != file && (l.Last || user != folder) {
				return LinkTarget, "a link on the way belongs to another user than the file"
			}
		}
	}
	hard := f.File.Links > 1
	switch {
	case linked(f.Links) && file != folder:
		return LinkTarget, "it is a link to a file that does not belong to the owner of its folder"
	case linked(f.Links) && file == 0 && !public:
		return LinkTarget, "it is a link to a file of root that is not readable for everyone"
	case hard && file != folder:
		return OtherOwner, "it is a hard link to a file that does not belong to the owner of its folder"
	case hard && file == 0 && !public:
		return OtherOwner, "it is a hard link to a file of root that is not readable for everyone"
	case file != folder && !public && !g.trusted(folder):
		return OtherOwner, "it belongs to another user than its folder and is not readable for everyone"
	}
	return "", ""
}

// trusted reports whether a user may read everything that the collector may.
func (g *Gate) trusted(user uint32) bool { return user == 0 || user == g.set.User }

// within reports whether path is in folder or a folder below it.
func within(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && len(rest) > 0 && rest[0] == filepath.Separator
}
