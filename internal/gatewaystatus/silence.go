// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// SendingOf returns whether something that was last in use at last, or never, is in use.
func SendingOf(last, now time.Time, silentAfter, inactiveAfter time.Duration) Sending {
	switch since := now.Sub(last); {
	case last.IsZero():
		return SendingNever
	case since < silentAfter:
		return SendingNow
	case since < inactiveAfter:
		return SendingSilent
	}
	return SendingInactive
}

// silence reports that nothing arrives, and what may be the reason.
func (j *judge) silence() {
	if j.Status != "active" {
		return
	}
	// Of what is rejected, the answer is known.
	rejected := slices.ContainsFunc(j.Findings, func(f Finding) bool {
		return f.Severity == finding.Error && (f.ID == FindingRejected || f.ID == FindingNoKey)
	})
	switch {
	case rejected:
	case j.Sending == SendingNever:
		j.neverSent()
	case j.Sending == SendingSilent:
		j.silent()
	case j.Sending == SendingInactive:
		j.add(finding.Note, FindingSilent, j.LastAccepted, fmt.Sprintf("The tenant has sent nothing for %s.", Duration(j.now.Sub(*j.LastAccepted))),
			"If it is not used any more, run: tenantctl tenant suspend "+j.ID)
	default:
		wrong := j.wrongKeys()
		j.silentSignals()
		j.silentKeys(wrong)
	}
}

func (j *judge) neverSent() {
	message, where := "No request with a valid key of this tenant has ever arrived.", "the machine of the tenant"
	if used := j.usedKeys(); len(used) > 0 {
		message = fmt.Sprintf("Requests with the key %s arrive, and none with data: the data does not reach the gateway.", strings.Join(used, ", "))
		if source := j.lastSource(); source != "" {
			where = source
		}
	}
	if j.unknownCallers(message, nil) {
		return
	}
	j.add(finding.Error, FindingNeverSent, nil, message+" Nothing without a valid key arrived in the last 15 minutes either.", fixBefore(where))
}

// fixBefore returns what to do about a cause that is before the gateway.
func fixBefore(where string) string {
	return fmt.Sprintf("On %s run: tenantctl doctor. If a proxy is in front of the gateway, look in its log for answers 4xx and 5xx, such as 413.", where)
}

func (j *judge) silent() {
	message := fmt.Sprintf("Nothing has arrived for %s.", Duration(j.now.Sub(*j.LastAccepted)))
	where := "the machine of the tenant"
	if source := j.lastSource(); source != "" {
		message += " The last request came from " + source + "."
		where = source
	}
	if j.unknownCallers(message, j.LastAccepted) {
		return
	}
	j.add(finding.Error, FindingSilent, j.LastAccepted, message+" No request of it reaches the gateway, so the cause is before it: the application, the agent, the network or a proxy.",
		fixBefore(where))
}

func (j *judge) usedKeys() (ids []string) {
	for i := range j.Keys {
		if j.Keys[i].LastUsed != nil {
			ids = append(ids, j.Keys[i].ID)
		}
	}
	return first(ids, 4)
}

// lastSource returns the address from which a key was used last, or "".
func (j *judge) lastSource() string {
	var last activity.Source
	for i := range j.Keys {
		for _, s := range j.Keys[i].Sources {
			if s.Last.After(last.Last) {
				last = s
			}
		}
	}
	if !last.Address.IsValid() {
		return ""
	}
	return last.Address.String()
}

// silentSignals reports a signal that is missing while another one arrives, which is what the
// gateway sees of an agent that runs and cannot read its log files.
func (j *judge) silentSignals() {
	where := "the machine of the tenant"
	if source := j.lastSource(); source != "" {
		where = source
	}
	for _, signal := range []string{"logs", "metrics", "traces"} {
		last := j.Signals[signal].LastAccepted
		silentAfter := time.Duration(j.Gateway.SilentAfter * float64(time.Second))
		inactiveAfter := time.Duration(j.Gateway.InactiveAfter * float64(time.Second))
		switch {
		case last == nil && signal == "logs":
			j.add(finding.Warning, FindingSignalNever, nil, "Other data arrives, and no logs were ever accepted: the agent reads no log file, or nobody has set up logs.",
				fmt.Sprintf("On %s run: tenantctl doctor. It names homes of PM2 that do not exist, files that may not be read, and files that the configuration excludes.", where))
		case last != nil && SendingOf(*last, j.now, silentAfter, inactiveAfter) == SendingSilent:
			j.add(finding.Warning, FindingSignalSilent, last, fmt.Sprintf("Other data arrives, and no %s for %s.", signal, Duration(j.now.Sub(*last))),
				fmt.Sprintf("On %s run: tenantctl doctor. If the application is quiet, nothing is wrong.", where))
		}
	}
}

// silentKeys reports keys that are not in use any more, one of several machines for example,
// except those of which it is known why.
func (j *judge) silentKeys(known map[string]bool) {
	for i := range j.Keys {
		k := &j.Keys[i]
		if k.Sending != SendingSilent || k.State != tenant.KeyActive || known[k.ID] {
			continue
		}
		message := fmt.Sprintf("The key %s was not used for %s, and others are.", k.ID, Duration(j.now.Sub(*k.LastUsed)))
		where := "the machine that has it"
		if len(k.Sources) > 0 {
			where = k.Sources[0].Address.String()
			message += " It was last used from " + where + "."
		}
		j.add(finding.Warning, FindingKeySilent, k.LastUsed, message, fmt.Sprintf("On %s run: tenantctl doctor. If the key is not needed any more, run: tenantctl key revoke %s", where, k.ID))
	}
}

// clock reports data whose time differs much from that of the gateway.
func (j *judge) clock() {
	if a := j.ClockAhead; a != nil && j.now.Sub(a.Last) < recent {
		by := Duration(time.Duration(a.By * float64(time.Second)).Round(time.Second))
		j.add(finding.Error, FindingClockAhead, nil, fmt.Sprintf("Records are dated %s in the future: the clock of a machine with the key %s is ahead. Backends show them at a wrong time, or drop them.", by, a.KeyID),
			fmt.Sprintf("On %s synchronize the clock: timedatectl set-ntp true. tenantctl doctor measures the difference.", j.sourceOf(a.KeyID)))
	}
	for _, signal := range []string{"logs", "metrics", "traces"} {
		v := j.Signals[signal]
		if v.LastAccepted == nil || v.Newest == nil || j.now.Sub(*v.LastAccepted) >= recent {
			continue
		}
		if late := v.LastAccepted.Sub(*v.Newest); late > lateAfter {
			j.add(finding.Warning, FindingLate, nil, fmt.Sprintf("The last %s were %s old when they arrived: a queue is being emptied after an outage, or the clock of the machine is behind.", signal, Duration(late)),
				fmt.Sprintf("If it remains, run on %s: tenantctl doctor. It measures the difference of the clocks; timedatectl set-ntp true corrects it.", j.sourceOf("")))
			return
		}
	}
}

// sourceOf returns where the key with an ID was used last, for a fix.
func (j *judge) sourceOf(id string) string {
	for i := range j.Keys {
		if j.Keys[i].ID == id && len(j.Keys[i].Sources) > 0 {
			return j.Keys[i].Sources[0].Address.String()
		}
	}
	if source := j.lastSource(); source != "" {
		return source
	}
	return "the machine of the tenant"
}
