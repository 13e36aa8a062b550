// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

// Outcome is what a step did.
type Outcome string

const (
	// Created means that the object did not exist.
	Created Outcome = "created"
	// Updated means that the object was overwritten with what the plan has.
	Updated Outcome = "updated"
	// Unchanged means that the object is as the plan has it.
	Unchanged Outcome = "unchanged"
	// Removed means that the object was deleted.
	Removed Outcome = "removed"
)

// Step is one object of Grafana and what became of it.
type Step struct {
	// Object is the kind of the object: organization, member, data source, folder, dashboard.
	Object string `json:"object"`
	// Name is the object's name.
	Name string `json:"name"`
	// Outcome is what was done, or with a dry run what would be done.
	Outcome Outcome `json:"outcome"`
}

// NewUser is a user that was created.
type NewUser struct {
	// Login is the user's login or e-mail address.
	Login string `json:"login"`
	// Password is known only now. The user should change it.
	Password string `json:"password"`
}

// Result is what a run did. After an error it has the steps before the error.
type Result struct {
	// Organization is the ID of the tenant's organization, or 0 if it does not exist. Keep it
	// for [Plan.Organization].
	Organization int64 `json:"organization"`
	// Name is the organization's name. It differs from the tenant's ID if somebody changed it.
	Name string `json:"name"`
	// Steps are in the order in which they were done.
	Steps []Step `json:"steps"`
	// NewUsers are users that were created.
	NewUsers []NewUser `json:"new_users,omitempty"`
	// Warnings are about what the run does not change, such as members who can read the data
	// of other tenants.
	Warnings []string `json:"warnings,omitempty"`
}

func (r *Result) add(object, name string, o Outcome) {
	r.Steps = append(r.Steps, Step{Object: object, Name: name, Outcome: o})
}

// Changed reports whether a step changed something.
func (r *Result) Changed() bool {
	for _, s := range r.Steps {
		if s.Outcome != Unchanged {
			return true
		}
	}
	return false
}
