// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// The roles of members.
const (
	roleAdmin  = "Admin"
	roleViewer = "Viewer"
)

// Provision makes Grafana match the plan. It can be repeated: what is right stays, and what an
// earlier run left out is added. After an error the result has the steps that were done, and
// the ID of the organization if there is one. An organization that may belong to somebody else
// is a [ForeignError], and nothing is changed.
func (c *Client) Provision(ctx context.Context, p Plan) (*Result, error) {
	r, err := p.check()
	if err != nil {
		return nil, err
	}
	result := &Result{Name: string(p.Tenant.ID)}
	o, err := c.find(ctx, p)
	switch {
	case errors.Is(err, ErrNoOrganization) && p.DryRun:
		r.wouldCreate(result)
		return result, nil
	case errors.Is(err, ErrNoOrganization):
		if o, err = c.create(ctx, p); err != nil {
			return result, err
		}
		result.add("organization", o.Name, Created)
	case err != nil:
		return result, err
	default:
		result.add("organization", o.Name, Unchanged)
	}
	result.Organization, result.Name = o.ID, o.Name
	if o.Name != string(p.Tenant.ID) {
		result.Warnings = append(result.Warnings, fmt.Sprintf("organization %d has the name %q and is used as that of tenant %q, whose it is by its ID", o.ID, o.Name, p.Tenant.ID))
	}
	for _, step := range []func(context.Context, *ready, *Result) error{c.join, c.putSources, c.putFolder, c.putDashboards, c.putViewers, c.warn} {
		if err := step(ctx, r, result); err != nil {
			return result, fmt.Errorf("organization %d (%q): %w", o.ID, o.Name, err)
		}
	}
	return result, nil
}

// wouldCreate lists everything that a run creates.
func (r *ready) wouldCreate(result *Result) {
	result.add("organization", string(r.Tenant.ID), Created)
	for _, d := range r.sources {
		result.add("data source", d.Name, Created)
	}
	if len(r.dashboards) > 0 {
		result.add("folder", folderTitle, Created)
	}
	for _, d := range r.dashboards {
		result.add("dashboard", d.title, Created)
	}
	for _, v := range r.Viewers {
		result.add("member", v, Created)
	}
}

// join makes the administrator an Admin of the organization.
func (c *Client) join(ctx context.Context, r *ready, result *Result) error {
	members, err := c.members(ctx, result.Organization)
	if err != nil {
		return err
	}
	if c.isAdmin(members) {
		return c.checkSelected(ctx, result.Organization)
	}
	result.add("member", c.credentials.User, Created)
	if r.DryRun {
		return nil
	}
	if err := c.setRole(ctx, result.Organization, c.credentials.User, roleAdmin); err != nil {
		return err
	}
	return c.checkSelected(ctx, result.Organization)
}

// setRole makes a user a member of the organization with the role.
func (c *Client) setRole(ctx context.Context, organization int64, login, role string) error {
	err := c.do(ctx, call{
		action: "add a member to the organization", method: http.MethodPost, path: orgPath(organization) + "/users",
		body: map[string]string{"loginOrEmail": login, "role": role},
	})
	if status(err) != http.StatusConflict {
		return err
	}
	members, err := c.members(ctx, organization) // already a member, perhaps with another role
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.is(login) {
			return c.do(ctx, call{
				action: "change the role of a member", method: http.MethodPatch, path: orgPath(organization) + "/users/" + strconv.FormatInt(m.ID, 10),
				body: map[string]string{"role": role},
			})
		}
	}
	return fmt.Errorf("user %q is a member according to Grafana, which does not list it", login)
}

func (c *Client) putSources(ctx context.Context, r *ready, result *Result) error {
	if r.DryRun && result.hasCreatedAdmin(c.credentials.User) {
		return nil // without membership they cannot be listed
	}
	existing, err := c.listSources(ctx, result.Organization)
	if err != nil {
		return err
	}
	for _, d := range r.sources {
		outcome, err := c.putSource(ctx, r, existing, d, result.Organization)
		if err != nil {
			return fmt.Errorf("data source %q: %w", d.Name, err)
		}
		result.add("data source", d.Name, outcome)
	}
	return nil
}

func (r *Result) hasCreatedAdmin(user string) bool {
	for _, s := range r.Steps {
		if s.Object == "member" && s.Name == user && s.Outcome == Created {
			return true
		}
	}
	return false
}

// putSource creates or overwrites a data source. It overwrites it even if it looks right,
// because Grafana does not show the value of a header.
func (c *Client) putSource(ctx context.Context, r *ready, existing []dataSource, d dataSource, organization int64) (Outcome, error) {
	outcome := Created
	for _, e := range existing {
		if e.UID == d.UID {
			if outcome = Updated; sameSource(e, d) {
				outcome = Unchanged
			}
			if e.ReadOnly {
				return "", errors.New("it is read-only, because a file provisions it: remove it from that file")
			}
		} else if e.Name == d.Name {
			return "", fmt.Errorf("a data source with this name and the UID %q exists: rename or delete it", e.UID)
		}
	}
	if r.DryRun {
		return outcome, nil
	}
	var answer struct {
		DataSource *dataSource `json:"datasource"`
	}
	request := call{action: "create the data source", method: http.MethodPost, path: "/api/datasources", organization: organization, body: d, into: &answer}
	replace := call{action: "update the data source", method: http.MethodPut, path: "/api/datasources/uid/" + url.PathEscape(d.UID), organization: organization, body: d, into: &answer}
	if outcome != Created {
		request = replace
	}
	err := c.do(ctx, request)
	if outcome == Created && status(err) == http.StatusConflict {
		// Another run created it, or an attempt whose answer was lost. With another conflict the
		// update fails too.
		outcome = Updated
		err = c.do(ctx, replace)
	}
	if err != nil {
		return "", err
	}
	if got := answer.DataSource; got != nil && got.OrganizationID != 0 && got.OrganizationID != organization {
		return "", wrongOrganization(got.OrganizationID, organization)
	}
	return outcome, nil
}

// sameSource compares what Grafana shows.
func sameSource(a, b dataSource) bool {
	return a.Name == b.Name && a.Type == b.Type && a.URL == b.URL && a.Access == b.Access && a.IsDefault == b.IsDefault && sameJSON(a.JSONData, b.JSONData)
}

func (c *Client) putFolder(ctx context.Context, r *ready, result *Result) error {
	if len(r.dashboards) == 0 || (r.DryRun && result.hasCreatedAdmin(c.credentials.User)) {
		return nil
	}
	get := call{action: "show the folder", method: http.MethodGet, path: "/api/folders/" + folderUID, organization: result.Organization}
	err := c.do(ctx, get)
	switch {
	case err == nil:
		result.add("folder", folderTitle, Unchanged)
		return nil
	case status(err) != http.StatusNotFound:
		return fmt.Errorf("folder %q: %w", folderTitle, err)
	case r.DryRun:
		result.add("folder", folderTitle, Created)
		return nil
	}
	err = c.do(ctx, call{
		action: "create the folder", method: http.MethodPost, path: "/api/folders", organization: result.Organization,
		body: map[string]string{"uid": folderUID, "title": folderTitle},
	})
	if s := status(err); s == http.StatusConflict || s == http.StatusPreconditionFailed {
		// Created at the same time, or a folder with another UID has the title.
		if get := c.do(ctx, get); get == nil {
			err = nil
		} else if status(get) == http.StatusNotFound {
			return fmt.Errorf("a folder with the title %q and another UID exists: rename or delete it (%w)", folderTitle, err)
		}
	}
	if err != nil {
		return fmt.Errorf("folder %q: %w", folderTitle, err)
	}
	result.add("folder", folderTitle, Created)
	return nil
}

func (c *Client) putDashboards(ctx context.Context, r *ready, result *Result) error {
	if r.DryRun && result.hasCreatedAdmin(c.credentials.User) {
		return nil
	}
	for _, d := range r.dashboards {
		outcome, err := c.putDashboard(ctx, r, d, result.Organization)
		if err != nil {
			return fmt.Errorf("dashboard %q: %w", d.title, err)
		}
		result.add("dashboard", d.title, outcome)
	}
	return nil
}

func (c *Client) putDashboard(ctx context.Context, r *ready, d dashboard, organization int64) (Outcome, error) {
	var existing struct {
		Dashboard map[string]any `json:"dashboard"`
		Meta      struct {
			FolderUID   string `json:"folderUid"`
			Provisioned bool   `json:"provisioned"`
		} `json:"meta"`
	}
	err := c.do(ctx, call{action: "show the dashboard", method: http.MethodGet, path: "/api/dashboards/uid/" + url.PathEscape(d.uid), organization: organization, into: &existing})
	outcome := Updated
	switch {
	case status(err) == http.StatusNotFound:
		outcome = Created
	case err != nil:
		return "", err
	case existing.Meta.Provisioned:
		return "", errors.New("a file provisions it: remove it from that file")
	default:
		// A dashboard that did not change gets no new version.
		delete(existing.Dashboard, "id")
		delete(existing.Dashboard, "version")
		if existing.Meta.FolderUID == folderUID && sameJSON(existing.Dashboard, d.model) {
			return Unchanged, nil
		}
	}
	if r.DryRun {
		return outcome, nil
	}
	err = c.do(ctx, call{
		action: "store the dashboard", method: http.MethodPost, path: "/api/dashboards/db", organization: organization,
		body: map[string]any{"dashboard": d.model, "folderUid": folderUID, "overwrite": true, "message": "provisioned by tenantctl"},
	})
	var answer *AnswerError
	if errors.As(err, &answer) && answer.Status == http.StatusPreconditionFailed && answer.Code == "name-exists" {
		return "", fmt.Errorf("another dashboard in the folder has this title: rename or delete it (%w)", err)
	}
	return outcome, err
}

func sameJSON(a, b map[string]any) bool {
	left, errLeft := normalized(a)
	right, errRight := normalized(b)
	return errLeft == nil && errRight == nil && reflect.DeepEqual(left, right)
}

func (c *Client) putViewers(ctx context.Context, r *ready, result *Result) error {
	if len(r.Viewers) == 0 {
		return nil
	}
	members, err := c.members(ctx, result.Organization)
	if err != nil {
		return err
	}
	for _, login := range r.Viewers {
		if err := c.putViewer(ctx, r, members, login, result); err != nil {
			return fmt.Errorf("viewer %q: %w", login, err)
		}
	}
	return nil
}

func (c *Client) putViewer(ctx context.Context, r *ready, members []member, login string, result *Result) error {
	outcome := Created
	for _, m := range members {
		switch {
		case !m.is(login):
		case m.Role != roleAdmin || m.is(c.credentials.User):
			result.add("member", login, Unchanged) // an Editor remains one
			return nil
		default:
			// It could read the data of all tenants. Grafana makes a new user an Admin of its
			// organization if it assigns none automatically.
			outcome = Updated
		}
	}
	if r.DryRun {
		result.add("member", login, outcome)
		return nil
	}
	err := c.setRole(ctx, result.Organization, login, roleViewer)
	if status(err) == http.StatusNotFound {
		var user NewUser
		if user, err = c.createUser(ctx, login, result.Organization); err == nil {
			result.NewUsers = append(result.NewUsers, user)
			err = c.setRole(ctx, result.Organization, login, roleViewer)
		}
	}
	if err == nil {
		result.add("member", login, outcome)
	}
	return err
}

// createUser creates a user who is a member of this organization only. Without an organization
// Grafana would make it a member of the first one.
func (c *Client) createUser(ctx context.Context, login string, organization int64) (NewUser, error) {
	user := NewUser{Login: login, Password: rand.Text()}
	body := map[string]any{"login": login, "password": user.Password, "OrgId": organization}
	if strings.Contains(login, "@") {
		body["email"] = login
	}
	return user, c.do(ctx, call{action: "create the user", method: http.MethodPost, path: "/api/admin/users", body: body})
}

// warn lists members who can change data sources, and so read the data of other tenants.
func (c *Client) warn(ctx context.Context, _ *ready, result *Result) error {
	members, err := c.members(ctx, result.Organization)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Role == roleAdmin && !m.is(c.credentials.User) {
			result.Warnings = append(result.Warnings, fmt.Sprintf(
				"user %q is an Admin of organization %d: an Admin can change the tenant's header in the data sources and read the data of all tenants; make it a Viewer or Editor unless it is an operator", m.Login, result.Organization))
		}
	}
	return nil
}
