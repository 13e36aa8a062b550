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
	"strings"
	"sync"
	"testing"
)

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
