// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
)

// requireAnswer requires one finding about the answer to all signals.
func requireAnswer(t *testing.T, all []Finding) Finding {
	t.Helper()
	some := of(all, "gateway.answer")
	require.Len(t, some, 1, "%+v", some)
	assert.Equal(t, finding.Error, some[0].Severity)
	assert.Equal(t, []string{"logs", "metrics", "traces"}, some[0].Signals)
	assert.False(t, Healthy(all))
	return some[0]
}

// Each reason of the gateway has one finding with its meaning and its own fix.
func TestRun_NamesEveryReasonOfTheGateway(t *testing.T) {
	for r := rejection.None + 1; r < rejection.Reason(rejection.NumReasons); r++ {
		t.Run(r.String(), func(t *testing.T) {
			e := rejection.Of(r, "logs")
			header := http.Header{}
			e.SetHeader(header)
			flat := map[string]string{}
			for name := range header {
				flat[name] = header.Get(name)
			}
			g := answering(t, e.HTTPStatus(), e.Error(), flat)
			defer g.Close()
			all := newMachine(t, g.URL).run(nil)
			f := requireAnswer(t, all)
			advice := remedy.Of(e.HTTPStatus(), e.Error())
			assert.Contains(t, f.Message, e.Error()+". "+advice.Meaning)
			assert.Equal(t, advice.Fix, f.Fix)
			if retry := flat["Retry-After"]; retry != "" {
				assert.Contains(t, f.Message, advice.Meaning+". The answer asks to retry after "+retry+" s")
			}
			assert.Equal(t, e.HTTPStatus() == http.StatusUnauthorized, KeyRejected(all))
			assert.Equal(t, e.Error() == "unknown API key", KeyUnknown(all))
		})
	}
}

func TestRun_NamesAnswersOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header map[string]string
		want   string
		fix    string
	}{
		"not of a gateway": {401, nil, "or a proxy in front of it, does not accept the key", "look at the proxy"},
		"path":             {404, nil, "Nothing accepts OTLP over HTTP at this path", "GATEWAY_ENDPOINT"},
		"method":           {405, nil, "Nothing accepts OTLP over HTTP at this path", "GATEWAY_ENDPOINT"},
		"too large":        {413, nil, "Something before the gateway limits the size", "client_max_body_size"},
		"rate":             {429, map[string]string{"Retry-After": "7"}, ". The answer asks to retry after 7 s", "raise the limit"},
		"date to retry":    {429, map[string]string{"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, ". The answer asks to retry after Fri, 31 Dec 1999 23:59:59 GMT", "raise the limit"},
		"not ready":        {503, map[string]string{"Retry-After": "5"}, "does not accept data at present", "/health"},
		"bad gateway":      {502, nil, "A proxy does not reach the gateway", "gateway runs"},
		"redirect":         {302, map[string]string{"Location": "https://login.example/"}, "to https://login.example/. The address redirects", "GATEWAY_ENDPOINT"},
		"proxy login":      {407, nil, "The proxy asks for credentials", "HTTPS_PROXY"},
		"server fault":     {500, nil, "has a fault", "log of the gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			g := answering(t, c.status, "", c.header)
			defer g.Close()
			f := requireAnswer(t, newMachine(t, g.URL).run(nil))
			assert.Contains(t, f.Message, c.want)
			assert.Contains(t, f.Fix, c.fix)
		})
	}
}
