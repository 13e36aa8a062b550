// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package history

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The kinds of [Version].
const (
	KindFile     = "file"
	KindPostgres = "postgres"
)

// Version identifies one revision of one registry. The zero value is no version.
type Version struct {
	Kind     string // KindFile or KindPostgres
	Registry string // identifies the registry; empty: a file without a history
	Epoch    int64  // increases when an operator accepts another history
	Revision int64  // increases with every change
	Token    string // random, new after every change
}

var errVersion = errors.New("not a version of a registry")

// String returns the text that [ParseVersion] reads.
func (m Version) String() string {
	return fmt.Sprintf("%s %s %d %d %s", orDash(m.Kind), orDash(m.Registry), m.Epoch, m.Revision, orDash(m.Token))
}

// ParseVersion parses what [Version.String] returns.
func ParseVersion(text string) (m Version, err error) {
	words := strings.Split(text, " ")
	if len(words) != 5 {
		return m, errVersion
	}
	var errs [2]error
	m.Kind, m.Registry, m.Token = fromDash(words[0]), fromDash(words[1]), fromDash(words[4])
	m.Epoch, errs[0] = strconv.ParseInt(words[2], 10, 64)
	m.Revision, errs[1] = strconv.ParseInt(words[3], 10, 64)
	if errors.Join(errs[:]...) != nil || m.Epoch < 0 || m.Revision < 0 {
		return Version{}, errVersion
	}
	return m, nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func fromDash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// Answer says whether the history of a registry contains a version.
type Answer int

// The values of [Answer].
const (
	Unknown Answer = iota // the history does not go back that far, or there is none
	Yes
	No
)

// Relation is the relation of a registry that was read to the one accepted last.
type Relation int

// The values of [Relation].
const (
	Descends Relation = iota // it follows the one accepted last, or none was accepted yet
	Accepted                 // an operator has accepted it
	Unproven                 // it has no history that shows whether it follows the one accepted last
	Untraced                 // its history does not go back to the one accepted last
	Forked                   // it does not follow the one accepted last
)

// Compare compares the version of a registry that was read with last, the version
// that was accepted last. contains says whether the history of the registry contains
// last. If the relation is Forked, reason explains it to the operator.
func Compare(last, now Version, contains Answer) (r Relation, reason string) {
	switch {
	case last == Version{}:
		return Descends, ""
	case now.Epoch > last.Epoch:
		return Accepted, ""
	case last.Registry == "":
		return Unproven, "" // a file without a history
	case now.Kind != last.Kind:
		return Untraced, "" // the operator has configured another source
	case now.Registry == "":
		return Forked, "it has no history any more"
	case now.Registry != last.Registry:
		return Forked, fmt.Sprintf("it is the registry %s, and %s is in force", now.Registry, last.Registry)
	case now.Epoch < last.Epoch:
		return Forked, fmt.Sprintf("it is older than the restored backup that was accepted: epoch %d, and epoch %d is in force", now.Epoch, last.Epoch)
	case now.Revision < last.Revision:
		return Forked, fmt.Sprintf("it is at revision %d, behind revision %d, which is in force", now.Revision, last.Revision)
	case now.Revision == last.Revision && now.Token == last.Token:
		return Descends, ""
	case now.Revision == last.Revision:
		return Forked, fmt.Sprintf("it is at revision %d like the registry in force, with other changes", now.Revision)
	case contains == No:
		return Forked, fmt.Sprintf("it is at revision %d, and its revision %d is not the one in force", now.Revision, last.Revision)
	case contains == Unknown && now.Kind == KindFile:
		return Untraced, "" // the history line of a file is bounded
	case contains == Unknown:
		return Unproven, "" // the layout of the tables has no history
	}
	return Descends, ""
}

// Command returns the command with which an operator makes gateways accept a
// registry with another history. last is the version that was accepted last.
func Command(last Version) string {
	if last.Epoch == 0 {
		return "tenantctl registry accept-restore"
	}
	return fmt.Sprintf("tenantctl registry accept-restore --above %d", last.Epoch)
}
