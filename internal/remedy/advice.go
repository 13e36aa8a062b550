// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package remedy

import (
	"net/http"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Advice is about one answer.
type Advice struct {
	// Reason is that of the gateway, or none if the answer is not recognized as one of a gateway.
	Reason rejection.Reason

	// Meaning is a sentence without a point at its end.
	Meaning string

	// Fix says what to do, the most likely thing first.
	Fix string
}

// Of returns the advice about an answer over HTTP that is no success. The text is the message of the
// answer, or contains it.
func Of(status int, text string) Advice {
	reason := rejection.Recognize(status, text)
	if a, ok := ofReason(reason); ok {
		a.Reason = reason
		return a
	}
	a := ofStatus(status)
	a.Reason = reason
	return a
}

// Fixes of keys, which checks on the machine itself share with answers.
const (
	// NewKey is for a key that is absent or no longer valid.
	NewKey = "Install a new key: `tenantctl onboard TENANT --new-key … -o env` at the gateway prints one, and `tenantctl setup --env agent.env` on this machine installs it."

	// CopyKey is for a key that is not complete, or was changed.
	CopyKey = "Copy the key again and whole: `tenantctl setup --key-file FILE` installs it. If there is no copy, `tenantctl onboard TENANT --new-key … -o env` at the gateway prints a new one for `tenantctl setup --env agent.env`."
)

const (
	retries = " The agent keeps data and retries."
	limits  = "Send less, or ask the gateway's operator to raise the limit: `tenantctl tenant update TENANT --limit …`." + retries
	busy    = "Wait, and look at /health and the log of the gateway if it lasts: it needs more memory, or fewer senders." + retries
	header  = "Send the key as the shipped configuration does: `authorization: Bearer KEY`, with the extension bearer_key_auth. If a proxy is in front of the gateway, check that it passes the header unchanged."
	paths   = "Check the port and the path in GATEWAY_ENDPOINT: the port is that of OTLP over HTTP, usually 4318, and usually there is no path. With a proxy, check that it forwards /v1/logs, /v1/metrics and /v1/traces."
	proxied = "Check that proxies between the agent and the gateway do not change requests."
)

// ofReason returns the advice about a reason of the gateway.
func ofReason(r rejection.Reason) (Advice, bool) {
	a := func(meaning, fix string) (Advice, bool) { return Advice{Meaning: meaning, Fix: fix}, true }
	switch r {
	case rejection.NoKey:
		return a("No key has arrived", header)
	case rejection.SeveralKeys, rejection.NotBearer, rejection.PercentEncoded, rejection.QuotedKey, rejection.NoScheme,
		rejection.OtherScheme, rejection.DoubledScheme, rejection.MalformedBasic:
		return a("The key arrives in a wrong form", header)
	case rejection.MalformedKey:
		return a("The key is not complete, or was changed", CopyKey)
	case rejection.UnknownKey, rejection.WrongUsername, rejection.TenantDeleted:
		return a("The gateway does not have the key: it was mistyped, is of another gateway, or its tenant was deleted", CopyKey)
	case rejection.RevokedKey:
		return a("The key is revoked, which cannot be undone", NewKey)
	case rejection.ExpiredKey:
		return a("The key has expired", NewKey)
	case rejection.NotYetValid:
		return a("The key is not valid yet", "Wait until the key is valid: `tenantctl key list TENANT` at the gateway shows when. If that is past, correct the clock of the gateway."+retries)
	case rejection.SourceAddress:
		return a("The key must not be used from this address", "Create a key at the gateway that may be used from this address, `tenantctl key create TENANT --source-cidr RANGE`, and install it with `tenantctl setup --key-file FILE`. If a proxy is in front of the gateway, the address may be that of the proxy: see trusted_proxies.")
	case rejection.Origin:
		return a("The key is for other web pages", "Use a key without origins on this machine, or create one for the page: `tenantctl key create TENANT --origin ORIGIN`.")
	case rejection.TenantHeader:
		return a("The key belongs to another tenant than BUSINESS_ID", "Use the key and the BUSINESS_ID of one `tenantctl onboard`, with `tenantctl setup --env agent.env`.")
	case rejection.NoIdentity, rejection.UnknownTenant:
		return a("The gateway does not know the tenant of the request", "Ask the gateway's operator to check that the receiver has the authenticator bearer_key_auth, and that the tenant exists: `tenantctl tenant list`.")
	case rejection.Suspended:
		return a("The gateway's operator has suspended the tenant", "Run `tenantctl tenant resume TENANT` at the gateway. The agent keeps data until then.")
	case rejection.Scope:
		return a("The key may not send this signal", "Use a key with this signal in its scopes, `tenantctl key create TENANT --scopes logs,metrics,traces` at the gateway, or remove the pipeline of the signal from the agent's configuration.")
	case rejection.TenantMismatch:
		return a("The data names another tenant than that of the key", "Set BUSINESS_ID to the tenant of the key, and let every pipeline to tenant_routing pass the tenant processor.")
	case rejection.NoRoute:
		return a("The gateway has no destination for this signal of the tenant", "Ask the gateway's operator for a route: `tenantctl tenant update TENANT --route SIGNAL=DESTINATION`.")
	case rejection.Rate:
		return a("The tenant sends faster than its limit", limits)
	case rejection.Quota:
		return a("The tenant has used its quota", "Ask the gateway's operator to raise the quota, `tenantctl tenant update TENANT --limit …`, or wait until the next day or month."+retries)
	case rejection.LaneFull:
		return a("The tenant's queue at the gateway is full, because its backend does not take the data fast enough", "Ask the gateway's operator to run `tenantctl status TENANT`, which names the backend and its answer."+retries)
	case rejection.TenantRequests, rejection.TenantMemory:
		return a("The tenant sends too much at the same time", "Send less at the same time from all machines of the tenant. The gateway's operator can raise the share of a tenant in request_guard."+retries)
	case rejection.NotLoaded:
		return a("The gateway has not read its registry of tenants yet", "Ask the gateway's operator to look at /health and the log of the gateway: the registry's file or database cannot be read."+retries)
	case rejection.Requests, rejection.Memory:
		return a("The gateway has too much to do", busy)
	case rejection.Stopping:
		return a("The gateway is stopping or restarting", "Wait until the gateway has started again."+retries)
	case rejection.Migration:
		return a("The gateway is converting its queue after an upgrade", "Wait until the gateway has finished: its log says so."+retries)
	case rejection.TooManyTenants:
		return a("The gateway has reached its number of tenants", "Ask the gateway's operator to raise max_tenants of tenant_routing."+retries)
	case rejection.UnknownDestination:
		return a("The gateway's route of the tenant does not work", "Ask the gateway's operator to run `tenantctl status TENANT` and correct the route or the destination."+retries)
	case rejection.DiskFull:
		return a("The gateway has no disk space for the tenant's data", "Ask the gateway's operator to free or enlarge the disk of STATE_DIR there. `tenantctl status TENANT` shows it, and no restart is needed."+retries)
	case rejection.Storage:
		return a("The gateway cannot write to its disk", "Ask the gateway's operator to look at the log of the gateway and the disk of STATE_DIR there."+retries)
	case rejection.Downstream:
		return a("The gateway does not accept data at present", "Look at /health and the log of the gateway."+retries)
	case rejection.Path, rejection.Method:
		return a("Nothing accepts OTLP over HTTP at this path", paths)
	case rejection.NoTenant:
		return a("A resource of the data does not name its tenant", "Ask the gateway's operator to let every pipeline to tenant_routing pass the tenant processor, which sets the attribute.")
	case rejection.ContentType, rejection.Encoding, rejection.Malformed, rejection.NoStream:
		return a("The gateway cannot read the request", proxied)
	case rejection.Depth:
		return a("A value nests deeper than the gateway accepts", "Send values with fewer lists and maps inside of each other, or ask the gateway's operator to raise max_depth of request_guard.")
	case rejection.TooLarge, rejection.Elements:
		return a("The request is larger than the gateway accepts", "Lower max_batch_bytes of the destination in the agent's configuration, or ask the gateway's operator to raise its limit.")
	case rejection.Slow:
		return a("The request arrived too slowly", "Check the network between this machine and the gateway."+retries)
	case rejection.Panic:
		return a("The gateway has a fault", "Ask the gateway's operator to look at the log of the gateway, and report the fault."+retries)
	}
	return Advice{}, false
}

// ofStatus returns the advice about an answer that is not recognized: that of a proxy, a login page, another
// server, or a gateway of another version.
func ofStatus(status int) Advice {
	switch {
	case status == http.StatusUnauthorized:
		return Advice{Meaning: "The gateway, or a proxy in front of it, does not accept the key", Fix: "If the text is not that of the gateway, look at the proxy. Otherwise: " + CopyKey}
	case status == http.StatusForbidden:
		return Advice{Meaning: "The gateway, or a proxy in front of it, does not permit the request", Fix: "If the text is not that of the gateway, look at the proxy. Otherwise see `tenantctl status TENANT` at the gateway."}
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return Advice{Meaning: "Nothing accepts OTLP over HTTP at this path", Fix: paths}
	case status == http.StatusProxyAuthRequired:
		return Advice{Meaning: "The proxy asks for credentials", Fix: "Put them into HTTPS_PROXY in the environment of the agent, or `proxy_url`, or add the gateway to NO_PROXY."}
	case status == http.StatusRequestEntityTooLarge:
		return Advice{Meaning: "Something before the gateway limits the size of requests", Fix: "Raise the limit of bodies at the proxy before the gateway to 4 MiB or more (nginx: client_max_body_size 16m), or lower `max_batch_bytes` of the destination."}
	case status == http.StatusTooManyRequests:
		return Advice{Meaning: "A limit is reached, of the tenant or of a proxy before the gateway", Fix: "If the text is not that of the gateway, look at the proxy. Otherwise: " + limits}
	case status == http.StatusServiceUnavailable:
		return Advice{Meaning: "The gateway, or a proxy in front of it, does not accept data at present", Fix: "Check that the gateway runs, and look at its /health and log." + retries}
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return Advice{Meaning: "A proxy does not reach the gateway", Fix: "Check that the gateway runs, and that the proxy has its address." + retries}
	case status >= 300 && status < 400:
		return Advice{Meaning: "The address redirects, which the agent does not follow", Fix: "Set GATEWAY_ENDPOINT to the address of the gateway itself."}
	case status >= 500:
		return Advice{Meaning: "The gateway, or a proxy in front of it, has a fault", Fix: "Look at /health and the log of the gateway." + retries}
	}
	return Advice{Meaning: "A gateway does not give this answer", Fix: "Check that GATEWAY_ENDPOINT is the address of OTLP over HTTP of the gateway."}
}
