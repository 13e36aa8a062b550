// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafanatest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

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
