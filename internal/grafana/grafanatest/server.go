// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package grafanatest is a server with the part of Grafana's HTTP API that package grafana
// uses, written from Grafana's documentation of it. It is for tests without a Grafana.
package grafanatest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Fault replaces an answer.
type Fault struct {
	Status  int
	Message string
	Header  http.Header
	// Done is true if the request takes effect and only its answer is lost.
	Done bool
	// Drop closes the connection instead of answering.
	Drop bool
}

// Server is a Grafana with one organization and one server administrator. Its fields may be
// changed before the first request.
type Server struct {
	URL string
	// User and Password are those of the server administrator.
	User, Password string
	// NotAdmin makes the user an ordinary one.
	NotAdmin bool
	// IgnoreHeader makes the server ignore the header that selects the organization, as behind
	// a proxy that removes it.
	IgnoreHeader bool
	// Fault is asked before each request. nil answers as Grafana does.
	Fault func(r *http.Request) *Fault

	mu       sync.Mutex
	next     int64
	orgs     map[int64]*Org
	users    map[string]int64 // ID by login
	requests []string
}

// Org is an organization.
type Org struct {
	ID         int64
	Name       string
	Roles      map[string]string // by login
	Sources    []map[string]any
	Folders    map[string]string // title by UID
	Dashboards map[string]Dashboard
}

// Dashboard is a stored dashboard.
type Dashboard struct {
	Folder  string
	Model   map[string]any
	Version int
}

// New starts a server that the test stops.
func New(t *testing.T) *Server {
	t.Helper()
	s := &Server{User: "admin", Password: "grafana-password-4711", next: 1, orgs: map[int64]*Org{}, users: map[string]int64{"admin": 1}}
	s.orgs[1] = newOrg(1, "Main Org.", "admin")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func newOrg(id int64, name, admin string) *Org {
	o := &Org{ID: id, Name: name, Roles: map[string]string{}, Folders: map[string]string{}, Dashboards: map[string]Dashboard{}}
	if admin != "" {
		o.Roles[admin] = "Admin"
	}
	return o
}

// AddOrg adds an organization with these roles by login, and returns its ID.
func (s *Server) AddOrg(name string, roles map[string]string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.orgs[s.next] = newOrg(s.next, name, "")
	for login, role := range roles {
		s.addUser(login)
		s.orgs[s.next].Roles[login] = role
	}
	return s.next
}

// AddUser adds a user without an organization.
func (s *Server) AddUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addUser(login)
}

func (s *Server) addUser(login string) int64 {
	if _, ok := s.users[login]; !ok {
		s.users[login] = int64(len(s.users) + 1)
	}
	return s.users[login]
}

// Change changes an organization under the server's lock.
func (s *Server) Change(id int64, change func(o *Org)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.orgs[id])
}

// Remove deletes an organization.
func (s *Server) Remove(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.orgs, id)
}

// Org returns a copy of the organization with the name, or nil.
func (s *Server) Org(name string) *Org {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orgs {
		if o.Name == name {
			c := *o
			c.Roles, c.Sources, c.Folders, c.Dashboards = maps.Clone(o.Roles), slices.Clone(o.Sources), maps.Clone(o.Folders), maps.Clone(o.Dashboards)
			return &c
		}
	}
	return nil
}

// Requests returns the requests so far, as METHOD PATH, and with the organization in brackets
// if the request selects one.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Writes returns the requests that change something.
func (s *Server) Writes() []string {
	return slices.DeleteFunc(s.Requests(), func(r string) bool { return strings.HasPrefix(r, "GET ") })
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := r.Method + " " + r.URL.Path
	if id := r.Header.Get("X-Grafana-Org-Id"); id != "" {
		line += " [" + id + "]"
	}
	s.mu.Lock()
	s.requests = append(s.requests, line)
	s.mu.Unlock()
	var fault *Fault
	if s.Fault != nil {
		fault = s.Fault(r)
	}
	if fault == nil || fault.Done {
		answer := httptest.NewRecorder()
		s.answer(answer, r)
		if fault == nil {
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
	}
	if fault.Drop {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), fault.Header)
	reply(w, fault.Status, map[string]any{"message": fault.Message})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func message(w http.ResponseWriter, status int, text string) {
	reply(w, status, map[string]any{"message": text})
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, ok := r.BasicAuth()
	if !ok || user != s.User || password != s.Password {
		message(w, http.StatusUnauthorized, "Invalid username or password")
		return
	}
	var body map[string]any
	if r.Method != http.MethodGet && r.ContentLength > 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			message(w, http.StatusBadRequest, "bad request data")
			return
		}
	}
	switch parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case len(parts) > 1 && parts[0] == "api" && (parts[1] == "orgs" || parts[1] == "admin"):
		if s.NotAdmin {
			message(w, http.StatusForbidden, "You'll need additional permissions to perform this action. Permissions needed: orgs:read")
			return
		}
		s.server(w, r, parts[1:], body)
	case len(parts) > 1 && parts[0] == "api":
		s.organization(w, r, parts[1:], body)
	default:
		message(w, http.StatusNotFound, "Not found")
	}
}

func view(o *Org) map[string]any { return map[string]any{"id": o.ID, "name": o.Name} }

func (s *Server) byName(name string) *Org {
	for _, o := range s.orgs {
		if o.Name == name {
			return o
		}
	}
	return nil
}

// server answers requests of the server administrator.
func (s *Server) server(w http.ResponseWriter, r *http.Request, parts []string, body map[string]any) {
	text := func(key string) string { v, _ := body[key].(string); return v }
	switch {
	case parts[0] == "admin" && len(parts) == 2 && parts[1] == "users" && r.Method == http.MethodPost:
		login := text("login")
		if _, ok := s.users[login]; ok {
			message(w, http.StatusPreconditionFailed, "User with email '"+text("email")+"' or username '"+login+"' already exists")
			return
		}
		id := s.addUser(login)
		if org, ok := body["OrgId"].(float64); ok {
			s.orgs[int64(org)].Roles[login] = "Admin" // as Grafana does unless it assigns an organization automatically
		} else {
			s.next++
			s.orgs[s.next] = newOrg(s.next, login, login) // one of its own
		}
		reply(w, http.StatusOK, map[string]any{"id": id, "message": "User created"})
	case parts[0] != "orgs":
		message(w, http.StatusNotFound, "Not found")
	case len(parts) == 1 && r.Method == http.MethodGet:
		s.list(w, r)
	case len(parts) == 1:
		if s.byName(text("name")) != nil {
			message(w, http.StatusConflict, "Organization name taken")
			return
		}
		s.next++
		s.orgs[s.next] = newOrg(s.next, text("name"), s.User)
		reply(w, http.StatusOK, map[string]any{"orgId": s.next, "message": "Organization created"})
	case len(parts) == 3 && parts[1] == "name":
		if o := s.byName(parts[2]); o != nil {
			reply(w, http.StatusOK, view(o))
			return
		}
		message(w, http.StatusNotFound, "Organization not found")
	default:
		id, _ := strconv.ParseInt(parts[1], 10, 64)
		o := s.orgs[id]
		if o == nil {
			message(w, http.StatusNotFound, "Organization not found")
			return
		}
		s.oneOrg(w, r, o, parts[2:], text)
	}
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.URL.Query().Get("perpage"))
	if size <= 0 {
		size = 1000
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	ids := slices.Sorted(maps.Keys(s.orgs))
	all := []map[string]any{}
	for _, id := range ids[min(len(ids), page*size):min(len(ids), (page+1)*size)] {
		all = append(all, view(s.orgs[id]))
	}
	reply(w, http.StatusOK, all)
}

// oneOrg answers requests for one organization by its ID.
func (s *Server) oneOrg(w http.ResponseWriter, r *http.Request, o *Org, parts []string, text func(string) string) {
	switch {
	case len(parts) == 0 && r.Method == http.MethodGet:
		reply(w, http.StatusOK, view(o))
	case len(parts) == 0 && r.Method == http.MethodDelete:
		delete(s.orgs, o.ID)
		message(w, http.StatusOK, "Organization deleted")
	case len(parts) == 1 && parts[0] == "users" && r.Method == http.MethodGet:
		all := []map[string]any{}
		for _, login := range slices.Sorted(maps.Keys(o.Roles)) {
			all = append(all, map[string]any{"orgId": o.ID, "userId": s.users[login], "login": login, "email": login + "@localhost", "role": o.Roles[login]})
		}
		reply(w, http.StatusOK, all)
	case len(parts) == 1 && parts[0] == "users":
		login := text("loginOrEmail")
		switch _, known := s.users[login]; {
		case !known:
			message(w, http.StatusNotFound, "User not found")
		case o.Roles[login] != "":
			reply(w, http.StatusConflict, map[string]any{"message": "User is already member of this organization", "userId": s.users[login]})
		default:
			o.Roles[login] = text("role")
			reply(w, http.StatusOK, map[string]any{"message": "User added to organization", "userId": s.users[login]})
		}
	case len(parts) == 2 && r.Method == http.MethodPatch:
		for login, id := range s.users {
			if strconv.FormatInt(id, 10) == parts[1] {
				o.Roles[login] = text("role")
			}
		}
		message(w, http.StatusOK, "Organization user updated")
	default:
		message(w, http.StatusNotFound, "Not found")
	}
}

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
		sources(w, r, o, parts[1:], body)
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
		if _, ok := o.Folders[folder]; !ok {
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
