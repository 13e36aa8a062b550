// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package posixacl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Tag is the kind of an entry, with the values of the kernel.
type Tag uint16

// The kinds of entries.
const (
	UserObj  Tag = 0x01 // the owner
	User     Tag = 0x02
	GroupObj Tag = 0x04 // the group of the file
	Group    Tag = 0x08
	Mask     Tag = 0x10
	Other    Tag = 0x20
)

// Perm are permissions: 4 is read, 2 is write, 1 is execute or search.
type Perm uint16

// noID is the ID of entries without one.
const noID = 0xffffffff

// Entry is one entry.
type Entry struct {
	Tag  Tag
	Perm Perm
	ID   uint32 // of User and Group
}

// ACL is a list with the three base entries, in the order of the kernel.
type ACL []Entry

// version is that of the attribute.
const version = 2

var errFormat = errors.New("the access control list has an unknown format")

// Decode returns the list in the value of an extended attribute.
func Decode(b []byte) (ACL, error) {
	if len(b) < 4 || (len(b)-4)%8 != 0 || binary.LittleEndian.Uint32(b) != version {
		return nil, errFormat
	}
	var a ACL
	for b = b[4:]; len(b) > 0; b = b[8:] {
		a = append(a, Entry{Tag(binary.LittleEndian.Uint16(b)), Perm(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint32(b[4:])})
	}
	if a.find(UserObj) < 0 || a.find(GroupObj) < 0 || a.find(Other) < 0 {
		return nil, errFormat
	}
	return a, nil
}

// Encode returns the value of the extended attribute.
func (a ACL) Encode() []byte {
	a = slices.Clone(a)
	slices.SortFunc(a, func(x, y Entry) int {
		if x.Tag != y.Tag {
			return int(x.Tag) - int(y.Tag)
		}
		return int(int64(x.ID) - int64(y.ID))
	})
	b := binary.LittleEndian.AppendUint32(nil, version)
	for _, e := range a {
		b = binary.LittleEndian.AppendUint16(b, uint16(e.Tag))
		b = binary.LittleEndian.AppendUint16(b, uint16(e.Perm))
		if e.Tag != User && e.Tag != Group {
			e.ID = noID
		}
		b = binary.LittleEndian.AppendUint32(b, e.ID)
	}
	return b
}

// FromMode returns the list of a file that has none.
func FromMode(mode uint32) ACL {
	return ACL{{UserObj, Perm(mode >> 6 & 7), noID}, {GroupObj, Perm(mode >> 3 & 7), noID}, {Other, Perm(mode & 7), noID}}
}

func (a ACL) find(tag Tag) int {
	return slices.IndexFunc(a, func(e Entry) bool { return e.Tag == tag })
}

func (a ACL) user(uid uint32) int {
	return slices.IndexFunc(a, func(e Entry) bool { return e.Tag == User && e.ID == uid })
}

// limited reports whether the mask applies to an entry.
func (e Entry) limited() bool { return e.Tag == User || e.Tag == Group || e.Tag == GroupObj }

// Grant returns the list in which the user has at least perm, and the entries that change, in the notation
// of setfacl. If nothing changes, there are none. Entries that the mask limited, and that a larger mask
// would extend, are reduced to what they had.
func (a ACL) Grant(uid uint32, perm Perm) (ACL, []string) {
	out := slices.Clone(a)
	var changes []string
	if i := out.user(uid); i < 0 {
		out = append(out, Entry{User, perm, uid})
	} else {
		out[i].Perm |= perm
	}
	mine := out[out.user(uid)]
	before, after := Perm(7), Perm(0)
	if i := out.find(Mask); i >= 0 {
		before = out[i].Perm
		after = before | perm
		out[i].Perm = after
	} else {
		for _, e := range out {
			if e.limited() {
				after |= e.Perm
			}
		}
		out = append(out, Entry{Mask, after, noID})
	}
	reduced := false
	for i, e := range out {
		if e.limited() && (e.Tag != User || e.ID != uid) && e.Perm&after != e.Perm&before {
			out[i].Perm, reduced = e.Perm&before, true
			changes = append(changes, out[i].String())
		}
	}
	if i := a.user(uid); i < 0 || a[i] != mine || a.find(Mask) < 0 || a[a.find(Mask)].Perm != after {
		changes = append([]string{mine.String()}, changes...)
	}
	if reduced {
		changes = append(changes, Entry{Mask, after, noID}.String())
	}
	return out, changes
}

// Revoke returns the list without the user, and whether that is a change. A list without entries for users
// and groups has no mask: what the mask permitted is the permission of the file's group.
func (a ACL) Revoke(uid uint32) (ACL, bool) {
	i := a.user(uid)
	if i < 0 {
		return a, false
	}
	out := slices.Delete(slices.Clone(a), i, i+1)
	if out.find(User) < 0 && out.find(Group) < 0 {
		if m := out.find(Mask); m >= 0 {
			mask := out[m].Perm
			out = slices.Delete(out, m, m+1)
			out[out.find(GroupObj)].Perm &= mask
		}
	}
	return out, true
}

// Effective returns what the user's own entry permits, and whether there is one.
func (a ACL) Effective(uid uint32) (Perm, bool) {
	i := a.user(uid)
	if i < 0 {
		return 0, false
	}
	p := a[i].Perm
	if m := a.find(Mask); m >= 0 {
		p &= a[m].Perm
	}
	return p, true
}

// String returns the entry in the notation of setfacl.
func (e Entry) String() string {
	switch e.Tag {
	case User:
		return fmt.Sprintf("u:%d:%s", e.ID, e.Perm)
	case UserObj:
		return "u::" + e.Perm.String()
	case Group:
		return fmt.Sprintf("g:%d:%s", e.ID, e.Perm)
	case GroupObj:
		return "g::" + e.Perm.String()
	case Mask:
		return "m::" + e.Perm.String()
	default:
		return "o::" + e.Perm.String()
	}
}

// String returns the list in the notation of setfacl.
func (a ACL) String() string {
	var all []string
	for _, e := range a {
		all = append(all, e.String())
	}
	return strings.Join(all, ",")
}

// String returns the letters of the permissions, such as r-x.
func (p Perm) String() string {
	b := []byte("---")
	for i, letter := range []byte("rwx") {
		if p&(4>>i) != 0 {
			b[i] = letter
		}
	}
	return string(b)
}
