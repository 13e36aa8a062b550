// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

const (
	// wrongKeyAfter is how long an address that used a key must have sent nothing with a valid
	// one to be reported. Agents send at least every 30 seconds, so that other machines behind
	// the same address are seen in this time.
	wrongKeyAfter = time.Minute

	// wrongKeyRequests is how many requests without a valid key it must have sent since then.
	wrongKeyRequests = 3
)

// unknownCallers reports who was rejected recently without a key of the registry, those first
// that have also used a key of this tenant. It reports false if there is nobody. message is
// what is known otherwise of a tenant that sends nothing.
func (j *judge) unknownCallers(message string, since *time.Time) bool {
	var related, others []string
	where := ""
	for i := range j.UnknownCallers {
		u := &j.UnknownCallers[i]
		if j.now.Sub(u.Last) >= recent {
			continue
		}
		text := fmt.Sprintf("%d from %s, the last %s (%s)", u.Count, u.Source, Ago(j.now, u.Last), strings.Join(reasonsOf(u), ", "))
		if key, source := j.usedFrom(u.Source); key != "" {
			if where == "" {
				where = source.Address.String()
			}
			related = append(related, text+", which has used the key "+key+" of this tenant")
			continue
		}
		others = append(others, text)
	}
	all := slices.Concat(related, others)
	if len(all) == 0 {
		return false
	}
	message += " But requests without a valid key are rejected with 401: " + strings.Join(first(all, 3), "; ") + "."
	id := FindingWrongKey
	if where == "" {
		id, where = FindingUnknown, "that machine"
		message += " A wrong key does not say whose it is, so they may be this tenant's."
	}
	j.add(finding.Error, id, since, message, j.wrongKeyFix(where))
	return true
}

// wrongKeys reports addresses that have used a key of this tenant and send only requests
// without a valid one since then, while others send data. It returns their keys.
func (j *judge) wrongKeys() map[string]bool {
	keys := make(map[string]bool)
	for i := range j.UnknownCallers {
		u := &j.UnknownCallers[i]
		if j.now.Sub(u.Last) >= recent || len(u.Recent) < wrongKeyRequests {
			continue
		}
		key, source := j.usedFrom(u.Source)
		if key == "" || u.Recent[len(u.Recent)-wrongKeyRequests].Before(source.Last) || u.Last.Sub(source.Last) < wrongKeyAfter {
			continue
		}
		keys[key] = true
		at := source.Last
		j.add(finding.Warning, FindingWrongKey, &at,
			fmt.Sprintf("%s, which has used the key %s of this tenant, has sent nothing with a valid key for %s. Its requests are rejected with 401, the last %s (%s).",
				source.Address, key, Duration(j.now.Sub(at)), Ago(j.now, u.Last), strings.Join(reasonsOf(u), ", ")),
			j.wrongKeyFix(source.Address.String()))
	}
	return keys
}

func (j *judge) wrongKeyFix(where string) string {
	return fmt.Sprintf("On %s run: tenantctl doctor. If its key is wrong: %s", where, newKeyFix(j.ID, ""))
}

// newKeyFix returns how a machine gets a new key, which is what doctor says on that machine.
// flags are those of the key, such as "--scopes logs".
func newKeyFix(id, flags string) string {
	if flags != "" {
		flags = " " + flags
	}
	return fmt.Sprintf("tenantctl onboard %s --new-key%s … -o env prints a new one here; tenantctl setup --env agent.env installs it on the machine of the agent.", id, flags)
}

// usedFrom returns the key that was used last from a network, and where, or "".
func (j *judge) usedFrom(network string) (key string, from activity.Source) {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		addr, err := netip.ParseAddr(network)
		if err != nil {
			return "", from
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	for i := range j.Keys {
		for _, s := range j.Keys[i].Sources {
			if prefix.Contains(s.Address) && !s.Address.IsLoopback() && s.Last.After(from.Last) {
				key, from = j.Keys[i].ID, s
			}
		}
	}
	return key, from
}

// reasonsOf returns the reasons of rejected requests, by name.
func reasonsOf(u *activity.Unknown) []string {
	var all []string
	for reason := range u.Reasons {
		all = append(all, reason)
	}
	slices.Sort(all)
	return all
}
