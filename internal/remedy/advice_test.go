// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package remedy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// begins is how the fix of each reason begins: what helps first.
func begins() map[string]string {
	return map[string]string{
		"no_key": "Send the key as", "several_keys": "Send the key as", "not_bearer": "Send the key as", "percent_encoded": "Send the key as", "quoted_key": "Send the key as",
		"no_scheme": "Send the key as", "other_scheme": "Send the key as", "doubled_scheme": "Send the key as", "malformed_basic": "Send the key as",
		"malformed_key": "Copy the key again", "unknown_key": "Copy the key again", "wrong_username": "Copy the key again", "tenant_deleted": "Copy the key again",
		"revoked_key": "Install a new key", "expired_key": "Install a new key", "not_yet_valid": "Wait until the key is valid",
		"source_address": "Create a key at the gateway that may be used from this address", "origin": "Use a key without origins",
		"tenant_header": "Use the key and the BUSINESS_ID of one", "no_identity": "Ask the gateway's operator to check", "unknown_tenant": "Ask the gateway's operator to check",
		"suspended": "Run `tenantctl tenant resume TENANT`", "scope": "Use a key with this signal", "tenant_mismatch": "Set BUSINESS_ID",
		"no_route": "Ask the gateway's operator for a route",
		"rate":     "Send less, or ask", "quota": "Ask the gateway's operator to raise the quota", "lane_full": "Ask the gateway's operator to run `tenantctl status TENANT`",
		"tenant_requests": "Send less at the same time", "tenant_memory": "Send less at the same time",
		"registry_not_loaded": "Ask the gateway's operator to look at /health", "requests": "Wait, and look", "memory": "Wait, and look", "stopping": "Wait until the gateway has started",
		"migration": "Wait until the gateway has finished", "too_many_tenants": "Ask the gateway's operator to raise max_tenants",
		"unknown_destination": "Ask the gateway's operator to run", "disk_full": "Ask the gateway's operator to free or enlarge the disk",
		"storage": "Ask the gateway's operator to look at the log", "downstream": "Look at /health",
		"path": "Check the port and the path", "method": "Check the port and the path", "content_type": "Check that proxies", "malformed": "Check that proxies",
		"no_stream": "Check that proxies", "no_tenant": "Ask the gateway's operator to let every pipeline", "encoding": "Check that proxies",
		"too_large": "Lower max_batch_bytes", "depth": "Send values with fewer lists", "elements": "Lower max_batch_bytes",
		"slow": "Check the network", "panic": "Ask the gateway's operator to look at the log",
		"canceled": "Check that GATEWAY_ENDPOINT", // a caller that has canceled its request reads no answer
	}
}

func TestOf_EveryReasonHasItsOwnFixFirst(t *testing.T) {
	want := begins()
	for r := rejection.None + 1; r < rejection.Reason(rejection.NumReasons); r++ {
		e := rejection.Of(r, "logs")
		got := Of(e.HTTPStatus(), e.Error())
		begin, ok := want[r.String()]
		assert.True(t, ok, "%s is not in the table", r)
		assert.True(t, strings.HasPrefix(got.Fix, begin), "%s: %s", r, got.Fix)
		assert.Equal(t, e.HTTPStatus(), got.Reason.HTTPStatus(), r.String())
		assertReadable(t, got)
		if r == rejection.RevokedKey || r == rejection.ExpiredKey {
			assert.NotContains(t, got.Fix, "Copy", "a copy of %s does not help", r)
		}
		if r.Retryable() {
			assert.Contains(t, got.Fix, "The agent keeps data and retries.", r.String())
		}
	}
	assert.Len(t, want, rejection.NumReasons-1)
}

// Components replace texts of the table by those that name a limit or what is malformed.
func TestOf_TextsOfComponents(t *testing.T) {
	for _, c := range []struct {
		status       int
		text         string
		meaning, fix string
	}{
		{413, "the request nests values deeper than 8 levels", "A value nests deeper", "max_depth"},
		{413, "the request has more than 1000 elements (resources, records, attributes, values and the like)", "is larger than the gateway accepts", "Lower max_batch_bytes"},
		{400, "the request is malformed at byte 3: it is not JSON", "cannot read the request", "proxies"},
		{400, "the body is not valid gzip", "cannot read the request", "proxies"},
		{503, "the collector uses too much memory", "has too much to do", "more memory"},
		{400, "the resource attribute that names the tenant is no tenant ID: x", "does not name its tenant", "tenant processor"},
		{400, "encoding the data: unexpected EOF", "cannot read the request", "proxies"},
		{400, "request body too large: the body has more than 4MiB", "is larger than the gateway accepts", "Lower max_batch_bytes"},
		{503, "the metrics queue of the tenant is full (lane::max_bytes: 1GiB)", "queue at the gateway is full", "tenantctl status TENANT"},
	} {
		got := Of(c.status, c.text)
		assert.NotEqual(t, rejection.None, got.Reason, c.text)
		assert.Contains(t, got.Meaning, c.meaning, c.text)
		assert.Contains(t, got.Fix, c.fix, c.text)
		assertReadable(t, got)
	}
}

func TestOf_AnswersOfOthers(t *testing.T) {
	for _, c := range []struct {
		status       int
		text         string
		meaning, fix string
	}{
		{401, "Authorization Required", "or a proxy", "look at the proxy"},
		{403, "web page: Forbidden", "or a proxy", "look at the proxy"},
		{404, "web page: 404 Not Found", "Nothing accepts OTLP", "GATEWAY_ENDPOINT"},
		{405, "", "Nothing accepts OTLP", "GATEWAY_ENDPOINT"},
		{407, "", "The proxy asks", "HTTPS_PROXY"},
		{413, "web page: 413 Request Entity Too Large", "before the gateway limits", "client_max_body_size"},
		{429, "web page: Too Many Requests", "of a proxy", "look at the proxy"},
		{500, "", "has a fault", "log of the gateway"},
		{502, "web page: 502 Bad Gateway", "does not reach the gateway", "the proxy has its address"},
		{503, "web page: 503", "or a proxy", "the gateway runs"},
		{504, "", "does not reach the gateway", "the proxy has its address"},
		{302, "to https://login.example/", "redirects", "GATEWAY_ENDPOINT"},
		{418, "", "does not give this answer", "GATEWAY_ENDPOINT"},
	} {
		got := Of(c.status, c.text)
		assert.Equal(t, rejection.None, got.Reason, c.status)
		assert.Contains(t, got.Meaning, c.meaning, c.status)
		assert.Contains(t, got.Fix, c.fix, c.status)
		assertReadable(t, got)
	}
}

func assertReadable(t *testing.T, a Advice) {
	t.Helper()
	assert.NotEmpty(t, a.Meaning)
	assert.False(t, strings.HasSuffix(a.Meaning, "."), a.Meaning)
	assert.True(t, strings.HasSuffix(a.Fix, "."), a.Fix)
	const shown = 400 // of a condition in /health
	assert.LessOrEqual(t, len(a.Fix), shown, a.Fix)
}
