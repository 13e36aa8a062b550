// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
)

// failureFindings returns why lanes fail: one finding for each condition. Its message describes
// the lane that has failed longest, and lists the signals of all lanes with the condition.
func failureFindings(failing []healthboard.LaneFailure, now time.Time) (all []condition.Finding) {
	signals := map[condition.Name][]string{}
	for i := range failing {
		f := &failing[i]
		name, ok := conditionOf(&f.Answer)
		if !ok {
			continue
		}
		if s := f.Signal.String(); !slices.Contains(signals[name], s) {
			signals[name] = append(signals[name], s)
		}
	}
	reported := map[condition.Name]bool{}
	for i := range failing {
		f := &failing[i]
		name, ok := conditionOf(&f.Answer)
		if !ok || reported[name] {
			continue
		}
		reported[name] = true
		slices.Sort(signals[name])
		all = append(all, condition.Finding{
			Name: name, Cause: f.Answer.Reason, Fix: fixOf(&f.Answer), Since: now.Add(-f.For),
			Message: messageOf(f, strings.Join(signals[name], ", ")),
		})
	}
	return all
}

// conditionOf returns the condition of a failure.
func conditionOf(a *healthboard.LaneAnswer) (name condition.Name, ok bool) {
	if a.Reason == "shutdown" || a.Reason == "preempted" {
		return 0, false // the exporter itself has canceled the attempt
	}
	switch a.Class {
	case healthboard.AnswerRejected, healthboard.AnswerNotFound, healthboard.AnswerTooLarge:
		return condition.GatewayRefuses, true
	case healthboard.AnswerBusy:
		return condition.GatewayBusy, true
	case healthboard.AnswerUnreachable, healthboard.AnswerTLS:
		return condition.GatewayUnreachable, true
	case healthboard.AnswerConfig:
		return condition.DestinationInvalid, true
	case healthboard.AnswerLocal:
		return condition.StorageFailed, true
	}
	return condition.GatewayBusy, true
}

func messageOf(f *healthboard.LaneFailure, signals string) string {
	where, text := f.Answer.URL, f.Answer.Text
	if where == "" {
		where = "destination " + f.Destination
	} else { // the text may repeat the address
		text = strings.Replace(text, where+": ", "", 1)
	}
	return "Cannot deliver " + signals + " to " + where + ": " + text
}

// fixOf returns what to do about a failure, or "" for the general fix of the condition.
func fixOf(a *healthboard.LaneAnswer) string {
	if advice := remedy.Of(a.Status, a.Text); advice.Reason != rejection.None {
		return advice.Fix // the gateway itself says why
	}
	switch {
	case a.Status == http.StatusUnauthorized || a.Reason == "grpc_unauthenticated":
		return "Check the key (`TENANT_KEY`) and the tenant (`BUSINESS_ID`): the key is unknown, revoked, expired or of another tenant. Data is sent again by itself once the key is accepted."
	case a.Status == http.StatusForbidden || a.Reason == "grpc_permissiondenied":
		return "The tenant is suspended or blocked, or the key may not send this signal: ask the operator of the gateway. Data is sent again by itself."
	case a.Status == http.StatusProxyAuthRequired:
		return "A proxy on the way asks for a password: set `proxy_url` with it, or `NO_PROXY` for the gateway."
	case a.Class == healthboard.AnswerNotFound:
		return "Check `GATEWAY_ENDPOINT`: nothing takes telemetry at this address. It needs the gateway's port and usually no path; a proxy in front must pass /v1/logs, /v1/metrics and /v1/traces."
	case a.Reason == "dns":
		return "Check the host name in `GATEWAY_ENDPOINT`, and the name servers of this machine."
	case a.Reason == "connection_refused":
		return "Nothing listens at this address: check host and port of `GATEWAY_ENDPOINT`, and that the gateway runs."
	case a.Reason == "timeout":
		return "There is no answer in time: check firewalls on the way, and that the gateway is not overloaded."
	case a.Reason == "not_http":
		return "Check the port in `GATEWAY_ENDPOINT`: it is that of OTLP over HTTP, usually 4318. The port of gRPC, usually 4317, does not work."
	case a.Reason == "key_not_sent":
		return condition.KeyNotSent.Fix()
	case a.Class == healthboard.AnswerLocal && a.Reason == "dead_letter":
		return "Check the directory of `dead_letter` that the message names: its disk has free space and is mounted writable, and the collector's user owns it. Until then the rejected data waits in its lane."
	case a.Class == healthboard.AnswerLocal && (a.Reason == "write" || a.Reason == "disk_full"):
		return "Check the directory of `archive` that the message names: its disk has free space and is mounted writable, and the collector's user owns it. Until then the data waits in its lane."
	case a.Class == healthboard.AnswerTLS:
		return "Check the scheme, host and port of `GATEWAY_ENDPOINT`, and that this machine trusts the gateway's certificate (`tls::ca_file`) and has the right time."
	}
	return ""
}
