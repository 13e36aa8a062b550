// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"context"
	"fmt"
	"net/http"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Find returns the ID and the name of the tenant's organization, with the same checks as
// [Client.Provision]. The error is [ErrNoOrganization] if there is none.
func (c *Client) Find(ctx context.Context, t *tenant.Tenant, organization int64, adopt bool) (id int64, name string, err error) {
	o, err := c.find(ctx, Plan{Tenant: t, Organization: organization, Adopt: adopt})
	if err != nil {
		return 0, "", err
	}
	return o.ID, o.Name, nil
}

// Deprovision deletes the tenant's organization with its data sources, dashboards, alerts and
// memberships. Users stay, and the data in the backends stays. A tenant without an
// organization is [ErrNoOrganization]. An organization without the tenant's mark is a
// [ForeignError]; adopt allows to delete it.
func (c *Client) Deprovision(ctx context.Context, t *tenant.Tenant, organization int64, adopt bool) (*Result, error) {
	result := &Result{Name: string(t.ID)}
	o, err := c.find(ctx, Plan{Tenant: t, Organization: organization, Adopt: adopt})
	if err != nil {
		return result, err
	}
	result.Organization, result.Name = o.ID, o.Name
	err = c.do(ctx, call{action: "delete the organization", method: http.MethodDelete, path: orgPath(o.ID)})
	switch {
	case status(err) == http.StatusNotFound: // deleted by an attempt whose answer was lost
	case status(err) == http.StatusBadRequest:
		return result, fmt.Errorf("%w: if it is the current organization of user %s, select another one in Grafana", err, c.credentials)
	case err != nil:
		return result, err
	}
	result.add("organization", o.Name, Removed)
	return result, nil
}
