// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// destinationText describes a lane that fails, and what to do.
func destinationText(now time.Time, l *activity.Lane) (message, fix string) {
	waits := "Nothing is lost yet"
	if l.Oldest != nil {
		waits = fmt.Sprintf("%s wait, the oldest for %s", bytesize.Size(l.QueuedBytes).Rounded(), Duration(now.Sub(*l.Oldest)))
	}
	since := ""
	if l.FailingSince != nil {
		since = " for " + Duration(now.Sub(*l.FailingSince))
	}
	message = fmt.Sprintf("The destination %s has not taken %s%s (%d attempts): %s. %s.", l.Destination, l.Signal, since, l.Failures, answerText(l.LastAnswer), waits)
	settings := fmt.Sprintf("the destination %q of tenant_routing, or the variables of the tenant: tenantctl tenant update %s --var NAME=VALUE", l.Destination, l.Tenant)
	switch healthboard.AnswerClass(l.LastAnswer.Class) {
	case healthboard.AnswerRejected:
		return message, "Correct the credentials in " + settings + ". Nothing has to be sent again: the queue empties by itself."
	case healthboard.AnswerNotFound:
		return message, "Correct the URL in " + settings + ". Nothing of this kind is at the URL above."
	case healthboard.AnswerUnreachable:
		return message, "Start the backend, or correct its host and port in " + settings + ". The queue empties by itself."
	case healthboard.AnswerTLS:
		return message, "Correct the certificate of the backend, or tls::ca_file in " + settings + "."
	case healthboard.AnswerBusy:
		return message, "Look at the backend: it answers that it is overloaded or has a fault. The queue empties by itself when it takes data again."
	case healthboard.AnswerConfig:
		return message, "Correct " + settings + "."
	case healthboard.AnswerTooLarge:
		return message, "Raise the limit of the backend, or of the proxy in front of it, or lower lane::batch::max_bytes."
	case healthboard.AnswerLocal:
		return message, "Look at the disk of the gateway: df -h, and the log of the gateway."
	}
	return message, "Look at the log of the gateway and of the backend."
}

// answerText describes an answer on one line.
func answerText(a *activity.Answer) string {
	text := a.Text
	if text == "" {
		text = a.Reason
	}
	text = strings.TrimRight(text, ".")
	if a.URL != "" && !strings.Contains(text, a.URL) {
		text += ", at " + a.URL
	}
	return text
}

func clientOf(e *activity.Example) string {
	if e.Client == "" {
		return "an unknown address"
	}
	return e.Client
}

// exampleText describes a rejected request.
func exampleText(e *activity.Example) string {
	var parts []string
	if e.Client != "" {
		parts = append(parts, "from "+e.Client)
	}
	if e.KeyID != "" {
		parts = append(parts, "key "+e.KeyID)
	}
	if e.Records > 0 {
		parts = append(parts, fmt.Sprintf("%d records", e.Records))
	}
	if e.Signal != "" {
		parts = append(parts, e.Signal)
	}
	if e.Bytes > 0 {
		parts = append(parts, bytesize.Size(e.Bytes).Rounded())
	}
	return strings.Join(parts, ", ")
}

// rejectionText returns why requests of a tenant are rejected, and what to do.
func rejectionText(id string, r *activity.Rejection) (cause, fix string) {
	cause = r.Example.Text
	if cause == "" {
		cause = rejection.TextOf(r.Reason)
	}
	if cause == "" {
		cause = r.Reason
	}
	switch r.Reason {
	case "revoked_key", "expired_key", "tenant_deleted":
		return strings.TrimRight(cause, "."), "If the sender is genuine, give it a new key: " + newKeyFix(id, "")
	case "source_address":
		return strings.TrimRight(cause, "."), "If the sender is genuine, give it a key for its address: " + newKeyFix(id, "--source-cidr CIDR") + " If not, the key has leaked: tenantctl key revoke " + r.Example.KeyID
	case "scope":
		return strings.TrimRight(cause, "."), "Give the sender a key that may send the signal: " + newKeyFix(id, "--scopes logs,metrics,traces")
	}
	return strings.TrimRight(cause, "."), fmt.Sprintf(fixOf(r.Reason, r.Example.KeyID), id)
}

// fixOf returns what to do about a reason. %s is the tenant.
func fixOf(reason, key string) string {
	switch reason {
	case "not_yet_valid":
		return "Wait until the key is valid, or check the clock of the gateway. tenantctl key list %s shows its times."
	case "origin":
		return "If the sender is genuine, create a key for its origin: tenantctl key create %s --help. If not, the key has leaked: tenantctl key revoke " + key
	case "tenant_header":
		return "Remove x-business-id and X-Scope-OrgID from the headers of the sender, or set them to %s."
	case "wrong_username":
		return "The user of basic authentication must be %s or empty."
	case "suspended":
		return "Run: tenantctl tenant resume %s"
	case "tenant_mismatch":
		return "The sender sets another business_id than its key has: set BUSINESS_ID=%s on its machine."
	case "no_route", "unknown_destination":
		return "Correct the routes: tenantctl tenant update %s --route SIGNAL=DESTINATION"
	case "rate", "quota":
		return "Raise the limit, tenantctl tenant update %s --limit …, or let the tenant send less. Agents keep the data and send it later."
	case "lane_full":
		return "A destination takes less than %s sends: see the destinations below, or raise lane::max_bytes of tenant_routing."
	case "tenant_requests", "tenant_memory":
		return "The tenant %s sends too many large requests at once. Let its senders batch, or raise the limits of request_guard."
	case "disk_full":
		return "Free space on the disk of STATE_DIR of the gateway: df -h. No restart is needed, and senders of %s retry."
	case "storage":
		return "Look at the disk of STATE_DIR and at the log of the gateway. Senders of %s retry."
	case "too_large", "depth", "elements":
		return "Let the senders of %s make smaller batches, or raise max_request_body_size of the receiver."
	case "path":
		return "The sender of %s uses a wrong URL: give the base URL without a path to OTLP exporters, and see docs/proxies.md."
	case "method", "content_type", "encoding", "malformed", "no_stream", "no_tenant":
		return "The sender of %s does not speak the protocol of this port: check its exporter and its URL."
	case "memory", "requests", "downstream":
		return "The gateway is overloaded: give it more memory or processors. Senders of %s retry."
	}
	return "See the reason in docs/architecture.md, and the log of the gateway for %s."
}
