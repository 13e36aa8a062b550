// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// A caller who has the text of an answer finds it in the table of the README, where
// "…" is what differs.
func TestReadme_HasTheTextOfEachAnswer(t *testing.T) {
	shown := answersOfTheReadme(t)
	one := guard.Settings{Memory: 8 << 20, Requests: 16, TenantRequests: 2}
	logs := func(record string, n int) []byte {
		return []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat(record+",", n-1) + record + `]}]}]}`)
	}
	check := func(r *guard.Request, json bool, data []byte) error { _, err := r.Check(json, data); return err }
	body := func(r *guard.Request, encoding, data string) error {
		req := httptest.NewRequest(http.MethodPost, "/v1/logs", strings.NewReader(data))
		req.Header.Set("Content-Encoding", encoding)
		_, err := r.ReadBody(httptest.NewRecorder(), req, guard.BodyLimits{MaxCompressed: 10, MaxDecoded: 10})
		return err
	}
	for name, reject := range map[string]func(g *guard.Guard, r *guard.Request) error{
		"depth": func(_ *guard.Guard, r *guard.Request) error {
			return check(r, true, logs(`{"body":`+strings.Repeat(`{"arrayValue":{"values":[`, 65)+strings.Repeat(`]}}`, 65)+`}`, 1))
		},
		"elements":    func(_ *guard.Guard, r *guard.Request) error { return check(r, true, logs("{}", 5000)) },
		"memory":      func(_ *guard.Guard, r *guard.Request) error { return r.Reserve(6 << 20) },
		"JSON":        func(_ *guard.Guard, r *guard.Request) error { return check(r, true, []byte("{")) },
		"protobuf":    func(_ *guard.Guard, r *guard.Request) error { return check(r, false, []byte("{")) },
		"data behind": func(_ *guard.Guard, r *guard.Request) error { return check(r, true, []byte("{} {}")) },
		"encoding":    func(_ *guard.Guard, r *guard.Request) error { return body(r, "br", "x") },
		"damaged":     func(_ *guard.Guard, r *guard.Request) error { return body(r, "gzip", "x") },
		"large body":  func(_ *guard.Guard, r *guard.Request) error { return body(r, "identity", "more than ten bytes") },
		"suspended":   func(*guard.Guard, *guard.Request) error { return rejection.Of(rejection.Suspended) },
		"scope":       func(*guard.Guard, *guard.Request) error { return rejection.Of(rejection.Scope, tenant.Logs) },
		"not loaded":  func(*guard.Guard, *guard.Request) error { return rejection.Of(rejection.NotLoaded) },
		"requests of the tenant": func(g *guard.Guard, _ *guard.Request) error {
			return admitAll(t, g, func(int) tenant.ID { return "a" })
		},
		"requests of all": func(g *guard.Guard, _ *guard.Request) error {
			return admitAll(t, g, func(i int) tenant.ID { return tenant.ID(fmt.Sprint(i)) })
		},
		"memory of the tenant": func(g *guard.Guard, r *guard.Request) error {
			require.NoError(t, r.Reserve(4<<20))
			other, err := g.Admit(as("a"), tenant.Logs)
			require.NoError(t, err)
			defer other.Release()
			return other.Reserve(4 << 20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			set := one
			set.MaxElements = 1000
			g := guard.New(set)
			r, err := g.Admit(as("a"), tenant.Logs)
			require.NoError(t, err)
			defer r.Release()
			err = reject(g, r)
			require.Error(t, err)
			text := status.Convert(err).Message()
			assert.True(t, slices.ContainsFunc(shown, func(re *regexp.Regexp) bool { return re.MatchString(text) }),
				"the README does not have %q", text)
		})
	}
}

func answersOfTheReadme(t *testing.T) []*regexp.Regexp {
	t.Helper()
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(raw), "\n## Answers\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n## ")
	var shown []*regexp.Regexp
	for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(table, -1) {
		shown = append(shown, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(quoted[1]), "…", ".+")+"$"))
	}
	require.NotEmpty(t, shown)
	return shown
}

func as(id tenant.ID) context.Context {
	return tenant.NewContext(context.Background(), tenant.NewIdentity(id, "k", tenant.NewSignals(tenant.Logs)))
}

// admitAll admits requests until one is rejected.
func admitAll(t *testing.T, g *guard.Guard, id func(i int) tenant.ID) error {
	t.Helper()
	for i := range 100 {
		r, err := g.Admit(as(id(i)), tenant.Logs)
		if err != nil {
			return err
		}
		defer r.Release()
	}
	return nil
}

// The other examples of the README are valid: of the extension, and of a receiver that
// it guards as a middleware.
func TestReadme_OtherExamplesAreValid(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	valid := 0
	for _, block := range strings.Split(string(raw), "```yaml\n")[1:] {
		shown, _, _ := strings.Cut(block, "```")
		retrieved, err := confmap.NewRetrievedFromYAML([]byte(shown))
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		for key, cfg := range map[string]component.Config{
			"extensions::request_guard": createDefaultConfig(),
			"receivers::otlp":           otlpreceiver.NewFactory().CreateDefaultConfig(),
		} {
			if !conf.IsSet(key) {
				continue
			}
			sub, err := conf.Sub(key)
			require.NoError(t, err)
			require.NoError(t, sub.Unmarshal(cfg), key)
			require.NoError(t, confmap.Validate(cfg), key)
			valid++
		}
	}
	assert.Equal(t, 2, valid, "the first example, and that of otlp")
}
