// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// searchPage is how many dashboards are listed at a time, and maxPages bounds the pages.
const (
	searchPage = 1000
	maxPages   = 100
)

// Copy has the dashboards of an organization. Data sources and members are not in it:
// Copy has the dashboards of an organization. Data sources and members are not in it:
// [Client.Provision] creates the former, and passwords cannot be copied.
type Copy struct {
	// Folders have the titles of folders by their UIDs.
	Folders map[string]string `json:"folders"`
	// Dashboards are the dashboards of all folders.
	Dashboards []CopiedDashboard `json:"dashboards"`
}

// CopiedDashboard is a dashboard of a [Copy].
type CopiedDashboard struct {
	// Folder is the UID of its folder, or empty for none.
	Folder string `json:"folder,omitempty"`
	// Model is the dashboard's model.
	Model json.RawMessage `json:"model"`
}

// Export returns the dashboards of the tenant's organization, of the tenant's own as well.
// Errors are those of [Client.Find].
func (c *Client) Export(ctx context.Context, t *tenant.Tenant, organization int64) (*Copy, error) {
	o, err := c.find(ctx, Plan{Tenant: t, Organization: organization})
	if err != nil {
		return nil, err
	}
	out := &Copy{Folders: map[string]string{}}
	for page := 1; page <= maxPages; page++ {
		var found []struct {
			UID         string `json:"uid"`
			FolderUID   string `json:"folderUid"`
			FolderTitle string `json:"folderTitle"`
		}
		err := c.do(ctx, call{
			action: "list the dashboards", method: http.MethodGet, path: "/api/search", organization: o.ID, into: &found,
			query: url.Values{"type": {"dash-db"}, "limit": {strconv.Itoa(searchPage)}, "page": {strconv.Itoa(page)}},
		})
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			var d struct {
				Dashboard json.RawMessage `json:"dashboard"`
			}
			if err := c.do(ctx, call{action: "show the dashboard", method: http.MethodGet, path: "/api/dashboards/uid/" + url.PathEscape(f.UID), organization: o.ID, into: &d}); err != nil {
				return nil, fmt.Errorf("dashboard %q: %w", f.UID, err)
			}
			if f.FolderUID != "" {
				out.Folders[f.FolderUID] = f.FolderTitle
			}
			out.Dashboards = append(out.Dashboards, CopiedDashboard{Folder: f.FolderUID, Model: d.Dashboard})
		}
		if len(found) < searchPage {
			return out, nil
		}
	}
	return nil, fmt.Errorf("organization %d has more than %d dashboards", o.ID, searchPage*maxPages)
}

// Import adds the dashboards of a copy that the tenant's organization does not have. The
// organization must exist.
func (c *Client) Import(ctx context.Context, t *tenant.Tenant, organization int64, from *Copy) (*Result, error) {
	result := &Result{Name: string(t.ID)}
	o, err := c.find(ctx, Plan{Tenant: t, Organization: organization})
	if err != nil {
		return result, err
	}
	result.Organization, result.Name = o.ID, o.Name
	for _, uid := range slices.Sorted(maps.Keys(from.Folders)) {
		title := from.Folders[uid]
		err := c.do(ctx, call{
			action: "create the folder", method: http.MethodPost, path: "/api/folders", organization: o.ID,
			body: map[string]string{"uid": uid, "title": title},
		})
		switch s := status(err); {
		case err == nil:
			result.add("folder", title, Created)
		case s == http.StatusConflict || s == http.StatusPreconditionFailed:
			result.add("folder", title, Unchanged)
		default:
			return result, fmt.Errorf("folder %q: %w", title, err)
		}
	}
	for _, d := range from.Dashboards {
		var model map[string]any
		if err := json.Unmarshal(d.Model, &model); err != nil {
			return result, fmt.Errorf("a dashboard is not JSON: %w", err)
		}
		title, _ := model["title"].(string)
		uid, _ := model["uid"].(string)
		if uid == "" {
			return result, fmt.Errorf("dashboard %q has no UID", title)
		}
		delete(model, "id")
		delete(model, "version")
		err := c.do(ctx, call{
			action: "store the dashboard", method: http.MethodPost, path: "/api/dashboards/db", organization: o.ID,
			body: map[string]any{"dashboard": model, "folderUid": d.Folder, "overwrite": false, "message": "restored by tenantctl"},
		})
		switch {
		case err == nil:
			result.add("dashboard", title, Created)
		case status(err) == http.StatusPreconditionFailed:
			result.add("dashboard", title, Unchanged) // it exists
		default:
			return result, fmt.Errorf("dashboard %q: %w", title, err)
		}
	}
	return result, nil
}
