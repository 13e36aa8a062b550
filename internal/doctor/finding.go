// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"net/http"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Finding is the result of one check of one subject. Its JSON names are stable, and so are the IDs.
type Finding struct {
	ID       string           `json:"id"`       // such as gateway.dns
	Severity finding.Severity `json:"severity"` // ok, warning or error; a warning also for what could not be checked
	Subject  string           `json:"subject"`  // the file, address or setting
	Message  string           `json:"message"`  // what was seen
	Fix      string           `json:"fix"`      // what to do; empty if the severity is ok

	Signals []string `json:"signals,omitempty"` // that the finding is about; empty: not about signals

	answer int              // status of HTTP of a gateway's answer to a key; 0: another finding
	reason rejection.Reason // of the answer; none: it was not recognized

	endpoint string // of the gateway that the finding is about; empty: about something else
}

// KeyRejected reports whether the gateway has answered that it does not accept the key.
func KeyRejected(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.answer == http.StatusUnauthorized })
}

// KeyUnknown reports whether the gateway has answered that it does not have the key. A gateway reads a change of
// its registry within a second or two, so the answer can be another one soon.
func KeyUnknown(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.reason == rejection.UnknownKey })
}

// report collects findings in the order of the checks.
type report struct {
	all   []Finding
	scrub func(string) string
}

func (r *report) add(f Finding) {
	f.Message, f.Fix, f.Subject = r.scrub(f.Message), r.scrub(f.Fix), r.scrub(f.Subject)
	repeated := func(other Finding) bool {
		return other.ID == f.ID && other.Severity == f.Severity && other.Subject == f.Subject && other.Message == f.Message
	}
	if slices.ContainsFunc(r.all, repeated) {
		return // several destinations can have one gateway, or one key
	}
	r.all = append(r.all, f)
}

func (r *report) ok(id, subject, message string) {
	r.add(Finding{ID: id, Severity: finding.OK, Subject: subject, Message: message})
}

func (r *report) warn(id, subject, message, fix string) {
	r.add(Finding{ID: id, Severity: finding.Warning, Subject: subject, Message: message, Fix: fix})
}

func (r *report) fail(id, subject, message, fix string) {
	r.add(Finding{ID: id, Severity: finding.Error, Subject: subject, Message: message, Fix: fix})
}

// Healthy reports whether all findings are OK.
func Healthy(all []Finding) bool {
	return !slices.ContainsFunc(all, func(f Finding) bool { return f.Severity != finding.OK })
}
