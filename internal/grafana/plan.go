// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	folderUID   = "otelcol-tenant"
	folderTitle = "Telemetry"

	// maxUID is the greatest length of a UID in Grafana, in bytes.
	maxUID = 40
)

// Dashboard is a dashboard of a tenant.
type Dashboard struct {
	// UID identifies the dashboard in each organization.
	UID string
	// JSON is the dashboard's model. Its id, uid and version are ignored.
	JSON []byte
}

// Plan is what a tenant gets in Grafana.
type Plan struct {
	// Tenant is the tenant. Its ID becomes the name of the organization.
	Tenant *tenant.Tenant
	// Organization is the ID of the tenant's organization, or 0 if the caller does not know
	// one. With it the tenant keeps its organization when somebody renames it.
	Organization int64
	// Adopt allows to use an organization that exists with the tenant's name and is neither
	// empty nor marked as that of a tenant. Its members then see the tenant's data.
	Adopt bool
	// Sources are the tenant's backends, at least one, and at most one for each of logs,
	// metrics and traces.
	Sources []Source
	// Dashboards are created in a folder of their own and overwritten by each run.
	Dashboards []Dashboard
	// Viewers are logins or e-mail addresses of users who may look at the tenant's data. A
	// user that does not exist is created with a random password.
	Viewers []string
	// DryRun changes nothing and reports what would change.
	DryRun bool
}

// ready is a plan that was checked.
type ready struct {
	Plan
	sources    []dataSource
	dashboards []dashboard
}

// dashboard is a dashboard in the form of Grafana's API.
type dashboard struct {
	uid, title string
	model      map[string]any // without id and version
}

// check checks what needs no Grafana.
func (p Plan) check() (*ready, error) {
	if p.Tenant == nil {
		return nil, errors.New("the plan has no tenant")
	}
	if err := p.Tenant.ID.Validate(); err != nil {
		return nil, err
	}
	if p.Tenant.Status == tenant.StatusDeleted {
		return nil, fmt.Errorf("tenant %q is deleted", p.Tenant.ID)
	}
	if p.Organization < 0 {
		return nil, errors.New("the ID of the organization must not be negative")
	}
	if len(p.Sources) == 0 {
		return nil, errors.New("the plan has no data source: without one the organization cannot be recognized as the tenant's")
	}
	sources, err := dataSources(p.Tenant, p.Sources)
	if err != nil {
		return nil, err
	}
	r := &ready{Plan: p, sources: sources}
	used := map[string]bool{}
	for _, d := range p.Dashboards {
		read, err := d.read()
		if err != nil {
			return nil, fmt.Errorf("dashboard %q: %w", d.UID, err)
		}
		if used[d.UID] {
			return nil, fmt.Errorf("there are two dashboards with the UID %q", d.UID)
		}
		used[d.UID] = true
		r.dashboards = append(r.dashboards, read)
	}
	for n, v := range p.Viewers {
		if strings.TrimSpace(v) != v || v == "" {
			return nil, fmt.Errorf("the viewer %q must not be empty, or begin or end with a space", v)
		}
		if slices.Contains(p.Viewers[:n], v) {
			return nil, fmt.Errorf("the viewer %q is given twice", v)
		}
	}
	return r, nil
}

func (d Dashboard) read() (dashboard, error) {
	if d.UID == "" || len(d.UID) > maxUID {
		return dashboard{}, fmt.Errorf("the UID must have 1 to %d characters", maxUID)
	}
	var model map[string]any
	if err := json.Unmarshal(d.JSON, &model); err != nil {
		return dashboard{}, fmt.Errorf("the model is not JSON: %w", err)
	}
	title, _ := model["title"].(string)
	if title == "" {
		return dashboard{}, errors.New("the model has no title")
	}
	delete(model, "id")
	delete(model, "version")
	model["uid"] = d.UID
	return dashboard{uid: d.UID, title: title, model: model}, nil
}

// normalized returns what JSON makes of a value, so that values of both sides have the same
// types.
func normalized(v any) (out any, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(text, &out)
	return out, err
}
