// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// recent is for how long a rejected request is a sign of what is wrong now.
	recent = 15 * time.Minute

	// lateAfter is how old data may be when it arrives. A queue that is being emptied has older
	// data, and so has a machine whose clock is behind.
	lateAfter = 10 * time.Minute

	// expiresSoon is how long before its end a key is reported.
	expiresSoon = 14 * 24 * time.Hour

	// quotaWarning is the used share of a quota from which it is reported.
	quotaWarning = 0.8
)

// The identifiers of findings about a tenant.
const (
	FindingDeleted      = "tenant_deleted"
	FindingSuspended    = "tenant_suspended"
	FindingNoKey        = "no_valid_key"
	FindingRoute        = "route_failed"
	FindingDestination  = "destination_failed"
	FindingRejected     = "requests_rejected"
	FindingDeadLetters  = "dead_letters"
	FindingClockAhead   = "clock_ahead"
	FindingLate         = "data_late"
	FindingUnknown      = "unknown_callers" // they may be the tenant's
	FindingWrongKey     = "wrong_key"       // a machine of the tenant has one
	FindingNeverSent    = "never_sent"
	FindingSilent       = "tenant_silent"
	FindingSignalNever  = "logs_never_sent"
	FindingSignalSilent = "signal_silent"
	FindingKeySilent    = "key_silent"
	FindingKeyExpires   = "key_expires"
	FindingQuota        = "quota_almost_used"
	FindingOK           = "ok"
)

// Judge sets the findings of t from everything else in it. The first finding answers the
// question why the data of the tenant does not arrive, or says that it does.
func Judge(t *Tenant) {
	j := judge{Tenant: t, now: t.Gateway.Time}
	j.Findings = nil
	switch t.Status {
	case "deleted":
		j.add(finding.Error, FindingDeleted, nil, "The tenant is deleted. Its data is rejected with 401, as that of an unknown key.",
			"A deleted tenant does not come back: create one with another ID, tenantctl tenant create ID.")
	default:
		j.suspended()
		j.keys()
		j.routes()
		j.destinations()
		j.rejections()
		j.silence()
		j.clock()
		j.deadLetters()
		j.quotas()
	}
	if !Worst(j.Findings).Bad() {
		j.good()
	}
	Sort(j.Findings)
	t.Findings = j.Findings
}

type judge struct {
	*Tenant
	now time.Time
}

func (j *judge) add(severity finding.Severity, id string, since *time.Time, message, fix string) {
	j.Findings = append(j.Findings, Finding{Severity: severity, ID: id, Message: message, Fix: fix, Since: since})
}

// since returns " for 5 min", or "" if the time is not known.
func (j *judge) since(at *time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return " for " + Duration(j.now.Sub(*at))
}

func (j *judge) suspended() {
	if j.Status != "suspended" {
		return
	}
	message := "The tenant is suspended. Its data is rejected with 403; none was rejected in the last 15 minutes."
	var since *time.Time
	if r := j.rejection("suspended"); r != nil {
		since = &r.First
		message = fmt.Sprintf("Data has been rejected with 403%s: the tenant is suspended. Last request %s, from %s.", j.since(since), Ago(j.now, r.Last), clientOf(&r.Example))
	}
	j.add(finding.Error, FindingSuspended, since, message, "Run: tenantctl tenant resume "+j.ID)
}

// keys reports that there is no valid key, and keys that will expire.
func (j *judge) keys() {
	valid := false
	for i := range j.Keys {
		k := &j.Keys[i]
		if k.State != tenant.KeyActive {
			continue
		}
		valid = true
		if k.ExpiresAt != nil && k.ExpiresAt.Sub(j.now) < expiresSoon && !j.replaced(k) {
			j.add(finding.Warning, FindingKeyExpires, nil, fmt.Sprintf("The key %s expires in %s, and data with it is then rejected with 401.", k.ID, Duration(k.ExpiresAt.Sub(j.now))),
				"Run: tenantctl key rotate "+k.ID)
		}
	}
	if valid {
		return
	}
	states := "it has none"
	if len(j.Keys) > 0 {
		var list []string
		for _, k := range j.Keys {
			list = append(list, k.ID+" is "+k.State)
		}
		states = strings.Join(first(list, 4), ", ")
	}
	j.add(finding.Error, FindingNoKey, nil, "The tenant has no valid key: "+states+". Its data is rejected with 401.", "Create one: "+newKeyFix(j.ID, ""))
}

// replaced reports whether a key that never was in use by senders, or has a successor in use,
// expires on purpose.
func (j *judge) replaced(k *Key) bool {
	return slices.ContainsFunc(j.Keys, func(other Key) bool {
		return other.ID != k.ID && other.State == tenant.KeyActive && (other.ExpiresAt == nil || other.ExpiresAt.After(*k.ExpiresAt)) && other.LastUsed != nil
	})
}

func (j *judge) routes() {
	if len(j.RouteFaults) == 0 {
		return
	}
	j.add(finding.Error, FindingRoute, nil, "Routes of the tenant do not work: "+strings.Join(first(j.RouteFaults, 3), "; ")+".",
		fmt.Sprintf("Correct the route or the variable: tenantctl tenant update %s --route SIGNAL=DESTINATION or --var NAME=VALUE. Destinations are in the configuration of tenant_routing.", j.ID))
}

// destinations reports destinations that do not take data, each once.
func (j *judge) destinations() {
	reported := make(map[string]bool)
	for i := range j.Lanes {
		l := &j.Lanes[i]
		if l.Failures == 0 || l.LastAnswer == nil || reported[l.Destination+l.LastAnswer.Reason] {
			continue
		}
		reported[l.Destination+l.LastAnswer.Reason] = true
		message, fix := destinationText(j.now, l)
		j.add(finding.Error, FindingDestination, l.FailingSince, message, fix)
	}
}

func (j *judge) deadLetters() {
	for i := range j.DeadLetters {
		d := &j.DeadLetters[i]
		what := "An earlier run of the gateway has kept"
		if d.Requests > 0 {
			what = fmt.Sprintf("%s with %s of %s are", Counted(int(d.Requests), "request", "requests"), Counted(int(d.Records), "record", "records"), d.Signal)
		}
		message := fmt.Sprintf("%s dead letters: %s rejected them permanently.", what, d.Destination)
		if d.Requests == 0 {
			message = fmt.Sprintf("%s dead letters of %s.", what, d.Destination)
		}
		if d.Last != nil {
			message += fmt.Sprintf(" The last answer, %s: %s.", Ago(j.now, d.Last.Time), answerText(d.Last))
		}
		j.add(finding.Warning, FindingDeadLetters, nil, message,
			fmt.Sprintf("Remove the cause, then run: tenantctl deadletter replay --directory %s --tenant %s --destination %s", d.Directory, j.ID, d.Destination))
	}
}

func (j *judge) quotas() {
	for _, q := range j.Quotas {
		if q.Period == "second" || q.Share < quotaWarning {
			continue
		}
		limit := fmt.Sprintf("%d %s", q.Limit, q.Unit)
		if q.Unit == "bytes" {
			limit = bytesize.Size(q.Limit).Rounded()
		}
		j.add(finding.Warning, FindingQuota, nil, fmt.Sprintf("%.0f %% of the quota of %s a %s (%s) are used. Above it data is rejected with 429.", 100*q.Share, limit, q.Period, q.Signal),
			fmt.Sprintf("Raise the limit, tenantctl tenant update %s --limit …, or let the tenant send less.", j.ID))
	}
}

// good says that data arrives, if nothing says otherwise.
func (j *judge) good() {
	if j.LastAccepted == nil {
		return
	}
	message := "Data is accepted, the last " + Ago(j.now, *j.LastAccepted) + ", and destinations take it."
	if len(j.Lanes) == 0 {
		message = "Data is accepted, the last " + Ago(j.now, *j.LastAccepted) + ". Nothing is queued."
	}
	j.Findings = append([]Finding{{Severity: finding.OK, ID: FindingOK, Message: message}}, j.Findings...)
}

func first(list []string, n int) []string {
	if len(list) > n {
		return append(slices.Clone(list[:n]), fmt.Sprintf("and %d more", len(list)-n))
	}
	return list
}
