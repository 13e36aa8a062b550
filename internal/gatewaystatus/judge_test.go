// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

var now = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)

func before(d time.Duration) *time.Time {
	at := now.Add(-d)
	return &at
}

// healthy returns a tenant whose data arrives.
func healthy() *gatewaystatus.Tenant {
	return &gatewaystatus.Tenant{
		Gateway: gatewaystatus.Gateway{Time: now, SilentAfter: 900, InactiveAfter: 604800},
		ID:      "acme", Status: "active", Sending: gatewaystatus.SendingNow, LastAccepted: before(5 * time.Second),
		Signals: map[string]activity.SignalView{"logs": {LastAccepted: before(5 * time.Second), Newest: before(6 * time.Second)}},
		Keys: []gatewaystatus.Key{{
			ID: "k1", State: "active", Sending: gatewaystatus.SendingNow, LastUsed: before(5 * time.Second),
			Sources: []activity.Source{{Address: netip.MustParseAddr("192.0.2.7"), Last: now}},
		}},
	}
}

func TestJudge_SaysWhatIsWrongAndTheFix(t *testing.T) {
	rejected := func(reason, text string, ago time.Duration) func(*gatewaystatus.Tenant) {
		return func(t *gatewaystatus.Tenant) {
			t.Rejections = append(t.Rejections, activity.Rejection{
				Reason: reason, Status: rejection.StatusOf(reason), Count: 7, First: *before(5 * time.Minute), Last: *before(ago),
				Example: activity.Example{Client: "192.0.2.7", KeyID: "k1", Signal: "logs", Text: text},
			})
		}
	}
	silent := func(t *gatewaystatus.Tenant) {
		t.Sending, t.LastAccepted = gatewaystatus.SendingSilent, before(20*time.Minute)
	}
	never := func(t *gatewaystatus.Tenant) {
		t.Sending, t.LastAccepted, t.Signals = gatewaystatus.SendingNever, nil, nil
		t.Keys[0].LastUsed, t.Keys[0].Sources = nil, nil
	}
	for _, tt := range []struct {
		name     string
		change   []func(*gatewaystatus.Tenant)
		severity finding.Severity
		id       string
		message  string
		fix      string
	}{
		{"healthy", nil, finding.OK, "ok", "Data is accepted, the last 5 s ago", ""},
		{"deleted", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) { t.Status = "deleted" }}, finding.Error, "tenant_deleted", "rejected with 401", "tenantctl tenant create"},
		{
			"suspended",
			[]func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) { t.Status = "suspended" }, rejected("suspended", "the tenant is suspended", time.Second)},
			finding.Error, "tenant_suspended", "Data has been rejected with 403 for 5 min: the tenant is suspended.", "tenantctl tenant resume acme",
		},
		{"suspended and quiet", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) { t.Status = "suspended" }}, finding.Error, "tenant_suspended", "none was rejected in the last 15 minutes", "tenantctl tenant resume acme"},
		{"no key", []func(*gatewaystatus.Tenant){never, func(t *gatewaystatus.Tenant) { t.Keys = nil }}, finding.Error, "no_valid_key", "it has none", "tenantctl onboard acme --new-key … -o env"},
		{"expired key", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) { t.Keys[0].State = "expired" }}, finding.Error, "no_valid_key", "k1 is expired", "tenantctl onboard acme --new-key … -o env"},
		{"key expires", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) { t.Keys[0].ExpiresAt = before(-48 * time.Hour) }}, finding.Warning, "key_expires", "The key k1 expires in 2 d", "tenantctl key rotate k1"},
		{"over a quota", []func(*gatewaystatus.Tenant){rejected("quota", "over the daily quota of 10 log records", time.Second)}, finding.Error, "requests_rejected", "429 for 5 min (7, the last 1 s ago): over the daily quota of 10 log records", "tenantctl tenant update acme --limit"},
		{"a rejection before accepted data", []func(*gatewaystatus.Tenant){rejected("rate", "over", 30*time.Second)}, finding.Warning, "requests_rejected", "Later ones were accepted", "--limit"},
		{"an old rejection", []func(*gatewaystatus.Tenant){rejected("rate", "over", time.Hour)}, finding.OK, "ok", "Data is accepted", ""},
		{"wrong path", []func(*gatewaystatus.Tenant){rejected("path", "/otlp/v1/logs: there is nothing at this path", 0)}, finding.Error, "requests_rejected", "404", "wrong URL"},
		{"route", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) { t.RouteFaults = []string{`logs: route to "x"`} }}, finding.Error, "route_failed", `route to "x"`, "--route"},
		{"destination", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Lanes = []activity.Lane{{
				Tenant: "acme", Destination: "signoz", Signal: "logs", Failures: 3, FailingSince: before(time.Minute), Oldest: before(time.Minute), QueuedBytes: 2048,
				LastAnswer: &activity.Answer{Class: "refused", Reason: "http_401", Status: 401, Text: "HTTP status 401: no", URL: "http://192.0.2.9/v1/logs"},
			}}
		}}, finding.Error, "destination_failed", "signoz has not taken logs for 1 min (3 attempts): HTTP status 401: no, at http://192.0.2.9/v1/logs. 2.0 KiB wait, the oldest for 1 min.", "Correct the credentials"},
		{"never sent", []func(*gatewaystatus.Tenant){never}, finding.Error, "never_sent", "No request with a valid key of this tenant has ever arrived.", "tenantctl doctor"},
		{"wrong key", []func(*gatewaystatus.Tenant){never, func(t *gatewaystatus.Tenant) {
			t.UnknownCallers = []activity.Unknown{{Source: "192.0.2.7", Count: 3, Last: *before(time.Second), Reasons: map[string]int64{"unknown_key": 3}}}
		}}, finding.Error, "unknown_callers", "3 from 192.0.2.7, the last 1 s ago (unknown_key)", "tenantctl onboard acme --new-key … -o env prints a new one here; tenantctl setup --env agent.env"},
		{"wrong key after a good one", []func(*gatewaystatus.Tenant){silent, func(t *gatewaystatus.Tenant) {
			t.UnknownCallers = []activity.Unknown{{Source: "192.0.2.7", Count: 3, Last: *before(time.Second), Reasons: map[string]int64{"unknown_key": 3}}}
		}}, finding.Error, "wrong_key", "which has used the key k1 of this tenant", "On 192.0.2.7 run: tenantctl doctor"},
		{"silent", []func(*gatewaystatus.Tenant){silent}, finding.Error, "tenant_silent", "Nothing has arrived for 20 min. The last request came from 192.0.2.7.", "On 192.0.2.7 run: tenantctl doctor. If a proxy"},
		{"inactive", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Sending, t.LastAccepted = gatewaystatus.SendingInactive, before(30*24*time.Hour)
		}}, finding.Note, "tenant_silent", "nothing for 30 d", "tenantctl tenant suspend acme"},
		{"no logs", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Signals = map[string]activity.SignalView{"metrics": {LastAccepted: before(time.Second)}}
		}}, finding.Warning, "logs_never_sent", "no logs were ever accepted", "On 192.0.2.7 run: tenantctl doctor"},
		{"a signal is silent", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Signals["traces"] = activity.SignalView{LastAccepted: before(time.Hour)}
		}}, finding.Warning, "signal_silent", "no traces for 1 h", "tenantctl doctor"},
		{"a key is silent", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Keys = append(t.Keys, gatewaystatus.Key{ID: "k2", State: "active", Sending: gatewaystatus.SendingSilent, LastUsed: before(time.Hour)})
		}}, finding.Warning, "key_silent", "The key k2 was not used for 1 h", "tenantctl key revoke k2"},
		{"clock ahead", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.ClockAhead = &gatewaystatus.ClockAhead{Ahead: activity.Ahead{KeyID: "k1", Last: now}, By: 7199.9}
		}}, finding.Error, "clock_ahead", "dated 2 h in the future", "timedatectl set-ntp true"},
		{"data late", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Signals["logs"] = activity.SignalView{LastAccepted: before(0), Newest: before(2 * time.Hour)}
		}}, finding.Warning, "data_late", "2 h old when they arrived", "tenantctl doctor"},
		{"dead letters", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.DeadLetters = []activity.DeadLetters{{Directory: "/srv/letters", Destination: "loki", Signal: "logs", Requests: 2, Records: 9, Last: &activity.Answer{Time: now, Text: "HTTP status 400: too old"}}}
		}}, finding.Warning, "dead_letters", "2 requests with 9 records of logs are dead letters: loki rejected them permanently. The last answer, 0 s ago: HTTP status 400: too old.", "tenantctl deadletter replay --directory /srv/letters --tenant acme --destination loki"},
		{"one dead letter", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.DeadLetters = []activity.DeadLetters{{Directory: "/srv/letters", Destination: "loki", Signal: "logs", Requests: 1, Records: 1}}
		}}, finding.Warning, "dead_letters", "1 request with 1 record of logs are dead letters", "--directory /srv/letters "},
		{"quota", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Quotas = []activity.Quota{{Signal: "all", Period: "day", Unit: "bytes", Limit: 1000, Used: 900, Share: 0.9}}
		}}, finding.Warning, "quota_almost_used", "90 % of the quota of 1000 B a day", "--limit"},
		{"quota of many bytes", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Quotas = []activity.Quota{{Signal: "all", Period: "day", Unit: "bytes", Limit: 21474836480, Share: 0.9}}
		}}, finding.Warning, "quota_almost_used", "the quota of 20.0 GiB a day (all)", "--limit"},
		{"quota of records", []func(*gatewaystatus.Tenant){func(t *gatewaystatus.Tenant) {
			t.Quotas = []activity.Quota{{Signal: "logs", Period: "month", Unit: "records", Limit: 5000, Share: 0.9}}
		}}, finding.Warning, "quota_almost_used", "the quota of 5000 records a month (logs)", "--limit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			of := healthy()
			for _, change := range tt.change {
				change(of)
			}
			gatewaystatus.Judge(of)
			require.NotEmpty(t, of.Findings)
			f := of.Findings[0]
			assert.Equal(t, tt.severity, f.Severity, f)
			assert.Equal(t, tt.id, f.ID, f)
			assert.Contains(t, f.Message, tt.message)
			assert.Contains(t, f.Fix, tt.fix)
			if f.Severity.Bad() {
				assert.NotEmpty(t, f.Fix)
			}
		})
	}
}

// An operator has a fix for each reason for which a request of a tenant may be rejected.
func TestJudge_HasAFixForEachReason(t *testing.T) {
	for r := rejection.None + 1; int(r) < rejection.NumReasons; r++ {
		of := healthy()
		of.Rejections = []activity.Rejection{{Reason: r.String(), First: now, Last: now}}
		gatewaystatus.Judge(of)
		require.NotEmpty(t, of.Findings, r)
		assert.NotEmpty(t, of.Findings[0].Fix, r)
		assert.NotContains(t, of.Findings[0].Fix, "%!", r)
		assert.NotContains(t, of.Findings[0].Message, "%!", r)
	}
}

func TestDuration_HasTwoUnitsAtMost(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 61 * time.Second: "1 min 1 s", time.Hour: "1 h",
		2*time.Hour - time.Second: "2 h", 26*time.Hour + 10*time.Minute: "1 d 2 h", -time.Second: "0 s",
	} {
		assert.Equal(t, want, gatewaystatus.Duration(d))
	}
}

// A wrong key on a machine whose agent has worked is reported before the tenant is silent.
func TestJudge_ReportsAWrongKeyWhileOthersSend(t *testing.T) {
	caller := func(source string, ago ...time.Duration) activity.Unknown {
		u := activity.Unknown{Source: source, Count: int64(len(ago)), Reasons: map[string]int64{"unknown_key": int64(len(ago))}}
		for _, d := range ago {
			u.Recent, u.Last = append(u.Recent, *before(d)), *before(d)
		}
		return u
	}
	three := []time.Duration{90 * time.Second, 60 * time.Second, 3 * time.Second}
	source := func(address string, ago time.Duration) activity.Source {
		return activity.Source{Address: netip.MustParseAddr(address), Last: *before(ago)}
	}
	for _, tt := range []struct {
		name    string
		sources []activity.Source // of the key k2
		unknown activity.Unknown
		found   bool
	}{
		{"three requests since the last accepted one", []activity.Source{source("192.0.2.8", 2*time.Minute)}, caller("192.0.2.8", three...), true},
		{"from a network", []activity.Source{source("2001:db8::8", 2*time.Minute)}, caller("2001:db8::/64", three...), true},
		{"too few", []activity.Source{source("192.0.2.8", 2*time.Minute)}, caller("192.0.2.8", three[1:]...), false},
		{"too soon", []activity.Source{source("192.0.2.8", 50*time.Second)}, caller("192.0.2.8", 40*time.Second, 20*time.Second, time.Second), false},
		{"accepted in between", []activity.Source{source("192.0.2.8", 70*time.Second)}, caller("192.0.2.8", three...), false},
		{"accepted since, with the right key", []activity.Source{source("192.0.2.8", time.Second)}, caller("192.0.2.8", three...), false},
		{"another machine behind the address sends", []activity.Source{source("192.0.2.8", 2*time.Minute), source("192.0.2.8", time.Second)}, caller("192.0.2.8", three...), false},
		{"over for long", []activity.Source{source("192.0.2.8", time.Hour)}, caller("192.0.2.8", 40*time.Minute, 30*time.Minute, 20*time.Minute), false},
		{"an address that never used a key", nil, caller("192.0.2.8", three...), false},
		{"loopback, behind which anybody may be", []activity.Source{source("127.0.0.1", 2*time.Minute)}, caller("127.0.0.1", three...), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			of := healthy()
			of.Keys = append(of.Keys, gatewaystatus.Key{ID: "k2", State: "active", Sending: gatewaystatus.SendingSilent, LastUsed: before(20 * time.Minute), Sources: tt.sources})
			of.UnknownCallers = []activity.Unknown{tt.unknown}
			gatewaystatus.Judge(of)
			require.NotEmpty(t, of.Findings)
			f := of.Findings[0]
			if !tt.found {
				assert.Equal(t, "key_silent", f.ID)
				return
			}
			require.Len(t, of.Findings, 1, "the silence of the key is explained")
			assert.Equal(t, []any{"wrong_key", finding.Warning}, []any{f.ID, f.Severity})
			assert.Contains(t, f.Message, "which has used the key k2 of this tenant, has sent nothing with a valid key for 2 min. Its requests are rejected with 401, the last 3 s ago (unknown_key).")
			assert.Contains(t, f.Fix, "run: tenantctl doctor. If its key is wrong: tenantctl onboard acme --new-key … -o env")
		})
	}
}

// A finding that is over says that nothing is to be done, and has no fix.
func TestJudge_RejectionsThatAreOver(t *testing.T) {
	const over = "That is over: later ones were accepted, and nothing is to be done."
	source := func(key int, address string, ago time.Duration) func(*gatewaystatus.Tenant) {
		return func(t *gatewaystatus.Tenant) {
			t.Keys[key].Sources = []activity.Source{{Address: netip.MustParseAddr(address), Last: *before(ago)}}
		}
	}
	signal := func(name string, ago time.Duration) func(*gatewaystatus.Tenant) {
		return func(t *gatewaystatus.Tenant) {
			t.Signals[name] = activity.SignalView{LastAccepted: before(ago)}
		}
	}
	replaced := func(t *gatewaystatus.Tenant) {
		t.Keys[0].State = "revoked"
		t.Keys = append(t.Keys, gatewaystatus.Key{ID: "k2", State: "active", Sending: gatewaystatus.SendingNow, LastUsed: before(5 * time.Second)})
	}
	nothing := func(t *gatewaystatus.Tenant) { t.LastAccepted, t.Signals = before(10*time.Minute), nil }
	const address = "192.0.2.7"
	for _, tt := range []struct {
		name     string
		reason   string
		ago      time.Duration
		change   []func(*gatewaystatus.Tenant)
		severity finding.Severity
		message  string
		fix      string
	}{
		{"resumed, and sent since", "suspended", 10 * time.Second, nil, finding.Note, over, ""},
		{"resumed, and not sent since", "suspended", 10 * time.Second, []func(*gatewaystatus.Tenant){nothing}, finding.Warning, "It is not any more, and nothing has arrived since.", "Wait"},
		{"the limit was raised", "quota", 2 * time.Minute, nil, finding.Note, over, ""},
		{"the limit was raised just now", "quota", 10 * time.Second, nil, finding.Warning, "Later ones were accepted.", "--limit"},
		{"over the limit of one signal", "quota", 2 * time.Minute, []func(*gatewaystatus.Tenant){signal("logs", 5*time.Minute), signal("metrics", time.Second)}, finding.Warning, "Later ones were accepted.", "--limit"},
		{"over the limit", "quota", 2 * time.Minute, []func(*gatewaystatus.Tenant){nothing}, finding.Error, "have been rejected", "--limit"},
		{"the rate is lower now", "rate", 2 * time.Minute, nil, finding.Note, over, ""},
		{"the key was replaced", "revoked_key", 2 * time.Minute, []func(*gatewaystatus.Tenant){replaced, source(0, address, 3*time.Minute), source(1, address, 5*time.Second)}, finding.Note, over, ""},
		{"another machine has a valid key", "revoked_key", 2 * time.Minute, []func(*gatewaystatus.Tenant){replaced, source(0, address, 3*time.Minute), source(1, "192.0.2.8", 5*time.Second)}, finding.Warning, "Later ones were accepted.", "tenantctl onboard acme --new-key … -o env prints a new one here; tenantctl setup --env agent.env"},
		{"the key was revoked and nothing has come since", "revoked_key", 2 * time.Minute, []func(*gatewaystatus.Tenant){replaced, nothing}, finding.Error, "have been rejected", "tenantctl onboard acme --new-key … -o env"},
		{"an expired key", "expired_key", 10 * time.Second, []func(*gatewaystatus.Tenant){replaced, source(1, address, 5*time.Second)}, finding.Warning, "Later ones were accepted.", "tenantctl onboard acme --new-key … -o env"},
		{"another address is allowed", "source_address", 2 * time.Minute, []func(*gatewaystatus.Tenant){source(0, address, 5*time.Second)}, finding.Note, over, ""},
		{"an address that is not allowed", "source_address", 2 * time.Minute, []func(*gatewaystatus.Tenant){source(0, "192.0.2.8", 5*time.Second)}, finding.Warning, "Later ones were accepted.", "--new-key --source-cidr CIDR … -o env"},
		{"the scope was added", "scope", 2 * time.Minute, nil, finding.Note, over, ""},
		{"the scope lacks a signal", "scope", 2 * time.Minute, []func(*gatewaystatus.Tenant){signal("logs", time.Hour), signal("metrics", time.Second)}, finding.Warning, "Later ones were accepted.", "--new-key --scopes logs,metrics,traces … -o env"},
		{"the disk has space", "disk_full", 2 * time.Minute, nil, finding.Note, over, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			of := healthy()
			for _, change := range tt.change {
				change(of)
			}
			of.Rejections = []activity.Rejection{{
				Reason: tt.reason, Status: rejection.StatusOf(tt.reason), Count: 7, First: *before(9 * time.Minute), Last: *before(tt.ago),
				Example: activity.Example{Client: address, KeyID: "k1", Signal: "logs"},
			}}
			gatewaystatus.Judge(of)
			var found []gatewaystatus.Finding
			for _, f := range of.Findings {
				if f.ID == gatewaystatus.FindingRejected {
					found = append(found, f)
				}
			}
			require.Len(t, found, 1)
			assert.Equal(t, tt.severity, found[0].Severity, found[0])
			assert.Contains(t, found[0].Message, tt.message)
			if tt.fix == "" {
				assert.Empty(t, found[0].Fix)
			} else {
				assert.Contains(t, found[0].Fix, tt.fix)
			}
		})
	}
}
