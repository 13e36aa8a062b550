// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafanatest

import (
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// organization answers requests for the selected organization.
func (s *Server) organization(w http.ResponseWriter, r *http.Request, parts []string, body map[string]any) {
	id := int64(1)
	if text := r.Header.Get("X-Grafana-Org-Id"); text != "" && !s.IgnoreHeader {
		id, _ = strconv.ParseInt(text, 10, 64)
	}
	o := s.orgs[id]
	if o == nil || o.Roles[s.User] != "Admin" {
		message(w, http.StatusForbidden, "You'll need additional permissions to perform this action.")
		return
	}
	switch parts[0] {
	case "org":
		reply(w, http.StatusOK, view(o))
	case "datasources":
		if len(parts) > 3 && parts[1] == "proxy" && parts[2] == "uid" {
			dataProxy(w, r, o, parts[3])
			return
		}
		sources(w, r, o, parts[1:], body)
	case "search":
		all := []map[string]any{}
		for _, uid := range slices.Sorted(maps.Keys(o.Dashboards)) {
			d := o.Dashboards[uid]
			all = append(all, map[string]any{"uid": uid, "folderUid": d.Folder, "folderTitle": o.Folders[d.Folder]})
		}
		size, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		reply(w, http.StatusOK, all[min(len(all), (page-1)*size):min(len(all), page*size)])
	case "folders":
		folders(w, r, o, parts[1:], body)
	case "dashboards":
		dashboards(w, r, o, parts[1:], body)
	default:
		message(w, http.StatusNotFound, "Not found")
	}
}

// shown is a data source without the values of secureJsonData.
func shown(o *Org, d map[string]any) map[string]any {
	d = maps.Clone(d)
	delete(d, "secureJsonData")
	d["orgId"] = o.ID
	return d
}

func sources(w http.ResponseWriter, r *http.Request, o *Org, parts []string, body map[string]any) {
	at := func(key string, value any) int {
		return slices.IndexFunc(o.Sources, func(d map[string]any) bool { return d[key] == value })
	}
	switch {
	case len(parts) == 0 && r.Method == http.MethodGet:
		all := []map[string]any{}
		for _, d := range o.Sources {
			all = append(all, shown(o, d))
		}
		reply(w, http.StatusOK, all)
	case len(parts) == 0:
		if at("name", body["name"]) >= 0 {
			message(w, http.StatusConflict, "data source with the same name already exists")
			return
		}
		if at("uid", body["uid"]) >= 0 {
			message(w, http.StatusConflict, "data source with the same uid already exists")
			return
		}
		o.Sources = append(o.Sources, body)
		reply(w, http.StatusOK, map[string]any{"message": "Datasource added", "datasource": shown(o, body)})
	case len(parts) == 2 && parts[0] == "uid" && r.Method == http.MethodPut:
		n := at("uid", parts[1])
		switch {
		case n < 0:
			message(w, http.StatusNotFound, "Data source not found")
		case o.Sources[n]["readOnly"] == true:
			message(w, http.StatusForbidden, "Cannot update read-only data source")
		default:
			o.Sources[n] = body
			reply(w, http.StatusOK, map[string]any{"message": "Datasource updated", "datasource": shown(o, body)})
		}
	default:
		message(w, http.StatusNotFound, "Not found")
	}
}

// dataProxy passes a query on to the backend of a data source. The header of the data source
// replaces that of the client.
func dataProxy(w http.ResponseWriter, r *http.Request, o *Org, uid string) {
	n := slices.IndexFunc(o.Sources, func(d map[string]any) bool { return d["uid"] == uid })
	if n < 0 {
		message(w, http.StatusNotFound, "Data source not found")
		return
	}
	address, _ := o.Sources[n]["url"].(string)
	base, err := url.Parse(address)
	if err != nil {
		message(w, http.StatusBadRequest, "Validation error, invalid URL")
		return
	}
	_, rest, _ := strings.Cut(r.URL.Path, "/api/datasources/proxy/uid/"+uid)
	settings, _ := o.Sources[n]["jsonData"].(map[string]any)
	secure, _ := o.Sources[n]["secureJsonData"].(map[string]any)
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.Path = base.Scheme, base.Host, base.Path+rest
		p.Out.Host = base.Host
		p.Out.Header.Del("Authorization")
		if name, ok := settings["httpHeaderName1"].(string); ok {
			value, _ := secure["httpHeaderValue1"].(string)
			p.Out.Header.Set(name, value)
		}
	}}
	proxy.ServeHTTP(w, r)
}

func folders(w http.ResponseWriter, r *http.Request, o *Org, parts []string, body map[string]any) {
	switch {
	case len(parts) == 1 && r.Method == http.MethodGet:
		title, ok := o.Folders[parts[0]]
		if !ok {
			message(w, http.StatusNotFound, "folder not found")
			return
		}
		reply(w, http.StatusOK, map[string]any{"uid": parts[0], "title": title, "version": 1})
	case len(parts) == 0 && r.Method == http.MethodPost:
		uid, _ := body["uid"].(string)
		title, _ := body["title"].(string)
		if _, ok := o.Folders[uid]; ok {
			reply(w, http.StatusPreconditionFailed, map[string]any{"status": "version-mismatch", "message": "the folder has been changed by someone else"})
			return
		}
		for _, other := range o.Folders {
			if other == title {
				message(w, http.StatusConflict, "a folder with the same name already exists in the current location")
				return
			}
		}
		o.Folders[uid] = title
		reply(w, http.StatusOK, map[string]any{"uid": uid, "title": title, "version": 1})
	default:
		message(w, http.StatusNotFound, "Not found")
	}
}

func dashboards(w http.ResponseWriter, r *http.Request, o *Org, parts []string, body map[string]any) {
	switch {
	case len(parts) == 2 && parts[0] == "uid" && r.Method == http.MethodGet:
		d, ok := o.Dashboards[parts[1]]
		if !ok {
			message(w, http.StatusNotFound, "Dashboard not found")
			return
		}
		model := maps.Clone(d.Model)
		model["id"], model["version"] = 7, d.Version
		reply(w, http.StatusOK, map[string]any{"dashboard": model, "meta": map[string]any{"folderUid": d.Folder}})
	case len(parts) == 1 && parts[0] == "db" && r.Method == http.MethodPost:
		model, _ := body["dashboard"].(map[string]any)
		uid, _ := model["uid"].(string)
		folder, _ := body["folderUid"].(string)
		if _, ok := o.Folders[folder]; folder != "" && !ok {
			message(w, http.StatusBadRequest, "folder not found")
			return
		}
		for other, d := range o.Dashboards {
			if other != uid && d.Folder == folder && d.Model["title"] == model["title"] {
				reply(w, http.StatusPreconditionFailed, map[string]any{"status": "name-exists", "message": "A dashboard with the same name in the folder already exists"})
				return
			}
		}
		before, exists := o.Dashboards[uid]
		if exists && body["overwrite"] != true {
			reply(w, http.StatusPreconditionFailed, map[string]any{"status": "version-mismatch", "message": "The dashboard has been changed by someone else"})
			return
		}
		o.Dashboards[uid] = Dashboard{Folder: folder, Model: model, Version: before.Version + 1}
		reply(w, http.StatusOK, map[string]any{"status": "success", "uid": uid, "version": before.Version + 1})
	default:
		message(w, http.StatusNotFound, "Not found")
	}
}
