// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/webpage"
)

const (
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 16 << 10

	// largeBody is about the size of the agent's largest request before compression.
	largeBody = 1_000_000

	emptyRequest = "{}" // an OTLP request without any data
)

// answers sends a request without data for each signal, with the key.
func (g *gateway) answers(ctx context.Context) bool {
	const id = "gateway.answer"
	if g.d.HasAuth && g.d.Key == "" {
		g.warn(id, g.base(), "The answer to the key is not known, because this command has no key to send", "See the findings about the key.")
		return false
	}
	accepted := false
	for _, signal := range g.agent.Signals {
		target := g.base() + "/v1/" + signal
		status, text, retry, err := g.post(ctx, target, emptyRequest)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil && isTimeout(err):
			g.fail(id, target, fmt.Sprintf("The connection works, and then there is no answer within %v", g.set.Timeout), "Check the gateway, and proxies and firewalls between.")
			return false
		case err != nil:
			g.fail(id, target, "There is no answer: "+reason(err), "Check that the gateway runs, and its port in GATEWAY_ENDPOINT.")
			return false
		case status >= 200 && status < 300:
			g.ok(id, target, "The gateway accepts the key for "+signal)
			accepted = true
		default:
			message, fix := explain(status, text, retry)
			g.add(Finding{ID: id, Status: Fail, Subject: target, Message: message, Fix: fix, answer: status})
		}
	}
	if accepted && (g.set.LargeBody || g.refusedAsTooLarge()) {
		g.large(ctx)
	}
	return accepted
}

// refusedAsTooLarge reports whether the agent's health mentions an answer of 413.
func (g *gateway) refusedAsTooLarge() bool {
	if g.health == nil {
		return false
	}
	for _, c := range g.health.Conditions {
		if strings.Contains(c.Message, "413") || strings.Contains(c.Cause, "413") || strings.Contains(c.Cause, "too_large") {
			return true
		}
	}
	return false
}

// large sends spaces and no data, in the size of the agent's largest request.
func (g *gateway) large(ctx context.Context) {
	const id = "gateway.large"
	signal := g.agent.Signals[0]
	target := g.base() + "/v1/" + signal
	status, text, _, err := g.post(ctx, target, "{"+strings.Repeat(" ", largeBody-2)+"}")
	const fix = "Raise the limit of bodies at the proxy before the gateway to 4 MiB or more (nginx: client_max_body_size 16m), or lower `max_batch_bytes` of the destination."
	switch {
	case err != nil:
		g.fail(id, target, fmt.Sprintf("A request of %d bytes has no answer: %s", largeBody, reason(err)), fix)
	case status == http.StatusRequestEntityTooLarge:
		g.fail(id, target, fmt.Sprintf("A request of %d bytes is answered with 413: something before the gateway limits bodies%s", largeBody, with(text)), fix)
	case status >= 300:
		g.warn(id, target, fmt.Sprintf("A request of %d bytes is answered with %d%s", largeBody, status, with(text)), "See the status.")
	default:
		g.ok(id, target, fmt.Sprintf("A request of %d bytes is accepted", largeBody))
	}
}

// post sends a body and returns status, text and Retry-After of the answer.
func (g *gateway) post(ctx context.Context, target, body string) (status int, text, retry string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tenantctl-doctor/"+cmp.Or(g.set.Version, "dev"))
	if g.d.HasAuth {
		req.Header.Set("Authorization", "Bearer "+g.d.Key)
		if g.d.BusinessID != "" {
			req.Header.Set("X-Business-Id", g.d.BusinessID)
		}
	}
	resp, err := g.client(true).Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	text = g.textOf(resp, data)
	if where := resp.Header.Get("Location"); where != "" && resp.StatusCode/100 == 3 {
		text = "to " + safetext.Clean(where)
	}
	return resp.StatusCode, text, resp.Header.Get("Retry-After"), nil
}

// textOf returns what an answer says, on one line.
func (g *gateway) textOf(resp *http.Response, data []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	text := string(data)
	switch {
	case json.Unmarshal(data, &status) == nil && status.Message != "":
		text = status.Message
	case webpage.Is(data, resp.Header.Get("Content-Type")):
		text = "web page: " + webpage.Text(data, 300)
	}
	text = g.scrubbed(safetext.Clean(text))
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return strings.TrimSpace(text)
}

// with returns the text of an answer as a part of a sentence.
func with(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// explain returns the meaning of a status and the fix.
func explain(status int, text, retry string) (message, fix string) {
	lower := strings.ToLower(text)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(lower, w) {
				return true
			}
		}
		return false
	}
	name := fmt.Sprintf("The answer is %d %s%s", status, http.StatusText(status), with(text))
	switch {
	case status == http.StatusUnauthorized && has("revoked"):
		return name + ". The key is revoked", newKeyFix
	case status == http.StatusUnauthorized && has("expired"):
		return name + ". The key has expired", newKeyFix
	case status == http.StatusUnauthorized && has("x-business-id", "business_id", "another tenant"):
		return name + ". The key belongs to another tenant than BUSINESS_ID", "Use the key and the BUSINESS_ID of one `tenantctl onboard`."
	case status == http.StatusUnauthorized && has("address", "not allowed from", "source"):
		return name + ". The key must not be used from this address", "Create a key at the gateway that may be used from this address: `tenantctl key create TENANT --source-cidr RANGE`."
	case status == http.StatusUnauthorized:
		return name + ". The gateway does not accept the key", newKeyFix
	case status == http.StatusForbidden && has("suspended"):
		return name, "Run `tenantctl tenant resume TENANT` at the gateway. The agent keeps data until then."
	case status == http.StatusForbidden && has("scope"):
		return name + ". The key may not send this signal", "Use a key with this signal in its scopes, or remove the pipeline of the signal from the agent's configuration."
	case status == http.StatusForbidden:
		return name + ". The gateway, or a proxy in front of it, does not permit the request", "If the text is not that of the gateway, look at the proxy. Otherwise see `tenantctl status TENANT` at the gateway."
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return name + ". Nothing accepts OTLP over HTTP at this path", "Check the port and the path in GATEWAY_ENDPOINT: the port is that of OTLP over HTTP, usually 4318, and usually there is no path. With a proxy, check that it forwards /v1/logs, /v1/metrics and /v1/traces."
	case status == http.StatusProxyAuthRequired:
		return name + ". The proxy asks for credentials", "Put them into HTTPS_PROXY in the environment of the agent."
	case status == http.StatusRequestEntityTooLarge:
		return name + ". Even a request without data is too large", "Check the limit of bodies of the proxy before the gateway."
	case status == http.StatusTooManyRequests:
		return name + ". A limit or a quota of the tenant is reached" + later(retry), "Raise the limits of the tenant (`tenantctl tenant update TENANT --limit …`), or send less. The agent keeps data and retries."
	case status == http.StatusServiceUnavailable:
		return name + ". The gateway does not accept data at present" + later(retry), "Look at /health and the log of the gateway. The agent keeps data and retries."
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return name + ". A proxy does not reach the gateway", "Check that the gateway runs, and that the proxy has its address."
	case status >= 300 && status < 400:
		return name + ". The address redirects, which the agent does not follow", "Set GATEWAY_ENDPOINT to the address of the gateway itself."
	case status >= 500:
		return name + ". The gateway, or a proxy in front of it, has a fault", "Look at /health and the log of the gateway."
	}
	return name, "Check that GATEWAY_ENDPOINT is the address of OTLP over HTTP of the gateway."
}

func later(retry string) string {
	if retry == "" {
		return ""
	}
	return ", and asks to retry after " + safetext.Clean(retry) + " s"
}
