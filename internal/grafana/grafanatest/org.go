// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafanatest

// Org is an organization.
type Org struct {
	ID         int64
	Name       string
	Roles      map[string]string // by login
	Sources    []map[string]any
	Folders    map[string]string // title by UID
	Dashboards map[string]Dashboard
}

func newOrg(id int64, name, admin string) *Org {
	o := &Org{ID: id, Name: name, Roles: map[string]string{}, Folders: map[string]string{}, Dashboards: map[string]Dashboard{}}
	if admin != "" {
		o.Roles[admin] = "Admin"
	}
	return o
}
