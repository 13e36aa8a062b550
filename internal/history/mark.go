package history

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The kinds of [Mark].
const (
	KindFile     = "file"
	KindPostgres = "postgres"
)

// Mark identifies one revision of one registry. The zero value is no mark.
type Mark struct {
	Kind     string // KindFile or KindPostgres
	Registry string // identifies the registry; empty: a file without a history
	Epoch    int64  // grows when an operator accepts another history
	Revision int64  // grows with every change
	Token    string // random, another one after every change
}

var errMark = errors.New("not a mark of a registry's history")

// String returns the text that [ParseMark] reads.
func (m Mark) String() string {
	return fmt.Sprintf("%s %s %d %d %s", orDash(m.Kind), orDash(m.Registry), m.Epoch, m.Revision, orDash(m.Token))
}

// ParseMark reads what String returns.
func ParseMark(text string) (m Mark, err error) {
	words := strings.Split(text, " ")
	if len(words) != 5 {
		return m, errMark
	}
	var errs [2]error
	m.Kind, m.Registry, m.Token = fromDash(words[0]), fromDash(words[1]), fromDash(words[4])
	m.Epoch, errs[0] = strconv.ParseInt(words[2], 10, 64)
	m.Revision, errs[1] = strconv.ParseInt(words[3], 10, 64)
	if errors.Join(errs[:]...) != nil || m.Epoch < 0 || m.Revision < 0 {
		return Mark{}, errMark
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

// Answer says whether a registry's history has a mark.
type Answer int

// The values of [Answer].
const (
	Unknown Answer = iota // the history does not reach back that far, or there is none
	Yes
	No
)

// Relation is how a registry that was read relates to the one taken last.
type Relation int

// The values of [Relation].
const (
	Descends Relation = iota // it comes after what was taken last, or nothing was taken yet
	Accepted                 // an operator has accepted it
	Unproven                 // there is no history that says whether it comes after what was taken last
	Untraced                 // its history does not reach back to what was taken last
	Forked                   // it does not come after what was taken last
)

// Judge compares the mark of a registry that was read with the last one that was
// taken. contains says whether the history of the registry has last. reason is for
// the operator if the relation is Forked.
func Judge(last, now Mark, contains Answer) (r Relation, reason string) {
	switch {
	case last == Mark{}:
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
		return Forked, fmt.Sprintf("it is from before a restored backup was accepted: epoch %d, and epoch %d is in force", now.Epoch, last.Epoch)
	case now.Revision < last.Revision:
		return Forked, fmt.Sprintf("it is at revision %d, behind revision %d, which is in force", now.Revision, last.Revision)
	case now.Revision == last.Revision && now.Token == last.Token:
		return Descends, ""
	case now.Revision == last.Revision:
		return Forked, fmt.Sprintf("it is at revision %d as what is in force, with other changes", now.Revision)
	case contains == No:
		return Forked, fmt.Sprintf("it is at revision %d, and its revision %d is not the one in force", now.Revision, last.Revision)
	case contains == Unknown && now.Kind == KindFile:
		return Untraced, "" // the line of a file is bounded
	case contains == Unknown:
		return Unproven, "" // tables of a layout without a history
	}
	return Descends, ""
}

// Command is what an operator runs to have gateways take a registry whose history
// is not the one in force, of which last is the mark.
func Command(last Mark) string {
	if last.Epoch == 0 {
		return "tenantctl registry accept-restore"
	}
	return fmt.Sprintf("tenantctl registry accept-restore --above %d", last.Epoch)
}
