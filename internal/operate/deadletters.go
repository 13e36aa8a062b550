// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// DeadLetters selects dead letters in a folder that a gateway writes to. An empty
// field other than Directory selects all.
type DeadLetters struct {
	Directory   string
	Tenant      string
	Destination string
	Signal      string
}

// Find returns the selected groups, ordered by tenant, destination and signal.
func (d DeadLetters) Find() ([]deadletter.Group, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	groups, err := deadletter.Find(d.Directory, d.filter())
	if err != nil {
		return nil, &InputError{Field: "directory", Err: err}
	}
	slices.SortFunc(groups, func(x, y deadletter.Group) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Destination, y.Destination), cmp.Compare(x.Signal, y.Signal))
	})
	return groups, nil
}

func (d DeadLetters) check() error {
	if d.Directory == "" {
		return malformed("directory", "", "is required: the folder of the dead letters")
	}
	if d.Signal != "" {
		if _, err := tenant.ParseSignal(d.Signal); err != nil {
			return malformed("signal", "", "%w", err)
		}
	}
	return nil
}

func (d DeadLetters) filter() deadletter.Filter {
	return deadletter.Filter{Tenant: d.Tenant, Destination: d.Destination, Signal: d.Signal}
}

// String describes what d selects.
func (d DeadLetters) String() string {
	var words []string
	for _, field := range [][2]string{{"tenant", d.Tenant}, {"destination", d.Destination}, {"signal", d.Signal}} {
		if field[1] != "" {
			words = append(words, fmt.Sprintf("%s %q", field[0], field[1]))
		}
	}
	if len(words) == 0 {
		return "any tenant"
	}
	return strings.Join(words, ", ")
}

// checkNames returns an error if the directory has never had a dead letter that d
// selects by tenant or destination. The name may have a typing error.
func (d DeadLetters) checkNames() error {
	if d.Tenant == "" && d.Destination == "" {
		return nil
	}
	has, err := deadletter.Has(d.Directory, d.filter())
	if err != nil || has {
		return err
	}
	return &InputError{
		Field: "directory", Item: d.Directory,
		Err: fmt.Errorf(`there are no dead letters: there is no folder for %s ("tenantctl deadletter list" lists the names)`, d),
	}
}

// DamageError returns an error that names the lines that cannot be sent, or nil if
// there are none.
func DamageError(d deadletter.Damage) error {
	if d.Lines == 0 {
		return nil
	}
	var text strings.Builder
	for _, f := range d.First {
		fmt.Fprintf(&text, "%v\n", f)
	}
	if more := d.Lines - len(d.First); more > 0 {
		fmt.Fprintf(&text, "and %d more lines\n", more)
	}
	return errors.New(text.String() + "these lines cannot be sent and remain in their files")
}

// DeadLetterView is a group of dead letters as operators see it.
type DeadLetterView struct {
	Tenant      string         `json:"tenant"`
	Destination string         `json:"destination"`
	Signal      string         `json:"signal"`
	Requests    int            `json:"requests"`
	Bytes       int64          `json:"bytes"`
	Reasons     map[string]int `json:"reasons"`
	First       string         `json:"first,omitempty"`
	Last        string         `json:"last,omitempty"`
}

// List returns the selected groups that have requests, and the lines that are damaged or
// in the wrong folder.
func (d DeadLetters) List() ([]DeadLetterView, deadletter.Damage, error) {
	views := []DeadLetterView{}
	var damage deadletter.Damage
	groups, err := d.Find()
	for i := range groups {
		g := &groups[i]
		damage.Add(g.Damaged)
		if g.Requests > 0 {
			views = append(views, DeadLetterView{
				Tenant: string(g.Tenant), Destination: g.Destination, Signal: g.Signal.String(),
				Requests: g.Requests, Bytes: g.Bytes, Reasons: g.Reasons, First: formatTime(g.First), Last: formatTime(g.Last),
			})
		}
	}
	return views, damage, err
}
