// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"fmt"
	"net/http"
)

// AnswerError is an answer of Grafana other than a success.
type AnswerError struct {
	// Action is what was requested, such as "create the organization".
	Action string
	// Status is the status code of HTTP.
	Status int
	// Code is the word that Grafana adds to some answers, such as "name-exists", or empty.
	Code string
	// Text is Grafana's message, without control characters and at most 300 bytes long.
	Text string
	// organization is the one that the request was for, or 0.
	organization int64
}

// Error describes the request, the answer, and what to do about it.
func (e *AnswerError) Error() string {
	text := fmt.Sprintf("Grafana does not %s: it answers %d %s", e.Action, e.Status, http.StatusText(e.Status))
	if e.Text != "" {
		text += fmt.Sprintf(" (%s)", e.Text)
	}
	if hint := e.hint(); hint != "" {
		text += ": " + hint
	}
	return text
}

func (e *AnswerError) hint() string {
	switch {
	case e.Status == http.StatusUnauthorized && e.organization == 0:
		return "check the user and the password in the credentials file, and that basic authentication is enabled (auth.basic)"
	case e.Status == http.StatusForbidden && e.organization == 0:
		return "the user must be a server administrator (Grafana Admin), not only the administrator of an organization"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return fmt.Sprintf("the user must be an Admin of organization %d", e.organization)
	case e.Status == http.StatusNotFound && e.organization == 0:
		return "check that the URL is Grafana's, with the path that it is served under"
	case e.Status >= 300 && e.Status < 400:
		return "give the URL that it redirects to"
	}
	return ""
}
