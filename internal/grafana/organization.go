// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// firstOrganization is the organization that Grafana creates itself. Users may be assigned to
// it automatically, so it must never be a tenant's.
const firstOrganization = 1

// organization is an organization of Grafana.
type organization struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// member is a user of an organization.
type member struct {
	ID    int64  `json:"userId"`
	Login string `json:"login"`
	Email string `json:"email"`
	Role  string `json:"role"`
}

func (m member) is(login string) bool {
	return strings.EqualFold(m.Login, login) || strings.EqualFold(m.Email, login)
}

// ForeignError is an organization that may not be the tenant's, so that nothing is written
// into it.
type ForeignError struct {
	// Organization and Name identify it.
	Organization int64
	Name         string
	// Reason is why it may not be the tenant's.
	Reason string
	// Adoptable is true if [Plan.Adopt] allows to use it.
	Adoptable bool
}

// Error describes the organization and the reason.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("organization %d (%q) of Grafana may not be the tenant's: %s", e.Organization, e.Name, e.Reason)
}

// ErrNoOrganization is returned if a tenant has no organization in Grafana.
var ErrNoOrganization = errors.New("the tenant has no organization in Grafana")

func orgPath(id int64) string { return "/api/orgs/" + strconv.FormatInt(id, 10) }

// find returns the tenant's organization, or [ErrNoOrganization]. Nothing is written into an
// organization that find does not return.
func (c *Client) find(ctx context.Context, p Plan) (*organization, error) {
	if p.Organization != 0 {
		var o organization
		err := c.do(ctx, call{action: "show the organization", method: http.MethodGet, path: orgPath(p.Organization), into: &o})
		switch {
		case err == nil:
			return &o, c.checkOwner(ctx, p, o)
		case status(err) != http.StatusNotFound:
			return nil, err
		}
		// It was deleted. A new one may exist already.
	}
	var o organization
	err := c.do(ctx, call{action: "show the organization", method: http.MethodGet, path: "/api/orgs/name/" + url.PathEscape(string(p.Tenant.ID)), into: &o})
	switch {
	case status(err) == http.StatusNotFound:
		return nil, c.notFound(ctx)
	case err != nil:
		return nil, err
	}
	return &o, c.checkOwner(ctx, p, o)
}

// notFound returns [ErrNoOrganization] if Grafana can be used at all. A wrong path in the URL
// is a 404 too.
func (c *Client) notFound(ctx context.Context) error {
	var some []organization
	if err := c.do(ctx, call{action: "list the organizations", method: http.MethodGet, path: "/api/orgs", query: url.Values{"perpage": {"1"}}, into: &some}); err != nil {
		return err
	}
	return ErrNoOrganization
}

// checkOwner returns a [ForeignError] unless the organization is the tenant's, or has neither
// data sources nor members other than the administrator, as after a run that failed.
func (c *Client) checkOwner(ctx context.Context, p Plan, o organization) error {
	foreign := &ForeignError{Organization: o.ID, Name: o.Name}
	if o.ID == firstOrganization {
		foreign.Reason = "it is Grafana's first organization, to which new users are assigned; rename it"
		return foreign
	}
	members, err := c.members(ctx, o.ID)
	if err != nil {
		return err
	}
	if !c.isAdmin(members) {
		// Without membership the data sources cannot be listed. An organization that tenantctl
		// created has its administrator as a member.
		if !p.Adopt {
			foreign.Reason, foreign.Adoptable = fmt.Sprintf("user %s is not an Admin of it", c.credentials), true
			return foreign
		}
		return nil
	}
	sources, err := c.listSources(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, d := range sources {
		switch mark := d.mark(); mark {
		case "":
		case string(p.Tenant.ID):
			return nil
		default:
			foreign.Reason = fmt.Sprintf("its data source %q is that of tenant %q", d.Name, mark)
			return foreign
		}
	}
	if p.Adopt || (len(sources) == 0 && len(members) == 1) {
		return nil
	}
	foreign.Reason, foreign.Adoptable = fmt.Sprintf("it has %d data sources and %d members, and no data source with the mark of the tenant", len(sources), len(members)), true
	return foreign
}

// create creates the tenant's organization. The administrator becomes a member.
func (c *Client) create(ctx context.Context, p Plan) (*organization, error) {
	err := c.do(ctx, call{action: "create the organization", method: http.MethodPost, path: "/api/orgs", body: map[string]string{"name": string(p.Tenant.ID)}})
	if err != nil && status(err) != http.StatusConflict { // created at the same time, or by an attempt whose answer was lost
		return nil, err
	}
	p.Organization = 0
	o, err := c.find(ctx, p)
	if errors.Is(err, ErrNoOrganization) {
		return nil, fmt.Errorf("Grafana reports that the organization %q exists, and does not show it", p.Tenant.ID)
	}
	return o, err
}

func (c *Client) members(ctx context.Context, organization int64) ([]member, error) {
	var all []member
	err := c.do(ctx, call{action: "list the members of the organization", method: http.MethodGet, path: orgPath(organization) + "/users", into: &all})
	return all, err
}

// isAdmin reports whether the client's user may change the organization.
func (c *Client) isAdmin(members []member) bool {
	for _, m := range members {
		if m.is(c.credentials.User) {
			return m.Role == roleAdmin
		}
	}
	return false
}

func (c *Client) listSources(ctx context.Context, organization int64) ([]dataSource, error) {
	var all []dataSource
	err := c.do(ctx, call{action: "list the data sources", method: http.MethodGet, path: "/api/datasources", organization: organization, into: &all})
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.OrganizationID != 0 && d.OrganizationID != organization {
			return nil, wrongOrganization(d.OrganizationID, organization)
		}
	}
	return all, nil
}

// checkSelected returns an error unless Grafana takes the header that selects the
// organization. Otherwise the data sources of all tenants would be written into one.
func (c *Client) checkSelected(ctx context.Context, id int64) error {
	var o organization
	if err := c.do(ctx, call{action: "select the organization", method: http.MethodGet, path: "/api/org", organization: id, into: &o}); err != nil {
		return err
	}
	if o.ID != id {
		return wrongOrganization(o.ID, id)
	}
	return nil
}

func wrongOrganization(got, want int64) error {
	return fmt.Errorf("Grafana answers for organization %d instead of %d: a proxy in front of it removes the header %s; give Grafana's own URL", got, want, organizationHeader)
}
