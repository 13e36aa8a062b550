// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// overAfter is how long ago requests must have been rejected for a reason of which only the
// traffic shows that it is gone.
const overAfter = time.Minute

// rejection returns the recent rejections for a reason, or nil.
func (j *judge) rejection(reason string) *activity.Rejection {
	for i := range j.Rejections {
		if r := &j.Rejections[i]; r.Reason == reason && j.now.Sub(r.Last) < recent {
			return r
		}
	}
	return nil
}

// rejections reports why requests were rejected recently. A reason is an error if nothing was
// accepted after it, and only a note if it is over.
func (j *judge) rejections() {
	for i := range j.Rejections {
		r := &j.Rejections[i]
		if j.now.Sub(r.Last) >= recent || r.Reason == "suspended" && j.Status == "suspended" {
			continue
		}
		cause, fix := rejectionText(j.ID, r)
		were := fmt.Sprintf("Requests were rejected with %d (%d, the last %s): %s.", r.Status, r.Count, Ago(j.now, r.Last), cause)
		severity, message := finding.Error, fmt.Sprintf("Requests have been rejected with %d%s (%d, the last %s): %s.", r.Status, j.since(&r.First), r.Count, Ago(j.now, r.Last), cause)
		switch accepted := j.LastAccepted != nil && j.LastAccepted.After(r.Last); {
		case j.over(r):
			severity, message, fix = finding.Note, were+" That is over: later ones were accepted, and nothing is to be done.", ""
		case r.Reason == "suspended" && !accepted: // Judge has looked whether it still is
			severity, message, fix = finding.Warning, were+" It is not any more, and nothing has arrived since.", "Wait: agents keep the data and send it again within minutes."
		case accepted:
			severity, message = finding.Warning, were+" Later ones were accepted."
		}
		if e := exampleText(&r.Example); e != "" {
			message += " Example: " + e + "."
		}
		since := r.First
		j.add(severity, FindingRejected, &since, message, fix)
	}
}

// over reports whether nothing has to be done about r: its reason is gone, and what was rejected
// is accepted again.
func (j *judge) over(r *activity.Rejection) bool {
	accepted := j.LastAccepted
	switch r.Reason {
	case "quota", "rate", "scope": // limits and scopes differ by signal
		if v, ok := j.Signals[r.Example.Signal]; ok {
			accepted = v.LastAccepted
		}
	}
	if accepted == nil || !accepted.After(r.Last) {
		return false
	}
	switch r.Reason {
	case "suspended":
		return true
	case "quota", "rate":
		return j.now.Sub(r.Last) >= overAfter
	}
	return j.now.Sub(r.Last) >= overAfter && j.usedAfter(r)
}

// usedAfter reports whether the sender of r has used a valid key since. Data of another machine
// of the tenant says nothing about it.
func (j *judge) usedAfter(r *activity.Rejection) bool {
	if r.Example.Client == "" {
		return true // it is not known which machine it was
	}
	for i := range j.Keys {
		if j.Keys[i].State != tenant.KeyActive {
			continue
		}
		for _, s := range j.Keys[i].Sources {
			if s.Address.String() == r.Example.Client && s.Last.After(r.Last) {
				return true
			}
		}
	}
	return false
}
