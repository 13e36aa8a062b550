// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var (
	authID  = component.MustNewID("test_auth")
	guardID = component.MustNewID("request_guard")
)

// lifecycle is that of an extension of a test.
type lifecycle struct {
	component.StartFunc
	component.ShutdownFunc
}

// testAuth takes the tenant's ID for its key.
type testAuth struct{ lifecycle }

func (testAuth) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	var text string
	for name, values := range headers {
		if strings.EqualFold(name, "authorization") {
			text = values[0]
		}
	}
	switch name := strings.TrimPrefix(text, "Bearer "); name {
	case "acme", "other", "suspended", "limited":
		return tenant.NewContext(ctx, tenant.NewIdentity(tenant.ID(name), "k1", tenant.NewSignals(tenant.AllSignals()...))), nil
	case "unscoped":
		return tenant.NewContext(ctx, tenant.NewIdentity("acme", "k2", tenant.NewSignals(tenant.Metrics))), nil
	case "undecided":
		return tenant.NewContext(ctx, tenant.Undecided()), nil
	}
	return ctx, errors.New("unknown API key")
}

type testGuard struct {
	lifecycle
	guard *guard.Guard
}

func (g testGuard) Guard() *guard.Guard { return g.guard }

// setup is how a test wants its receiver.
type setup struct {
	guard     guard.Settings
	configure func(*Config)
	next      func(context.Context, plog.Logs) error // nil: all are accepted
}

// door is a running receiver and what it passes to the next consumer.
type door struct {
	url       string
	sink      *consumertest.LogsSink
	telemetry *componenttest.Telemetry
	guard     *guard.Guard
}

func (s setup) start(t *testing.T) *door {
	t.Helper()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "acme"}, &tenant.Tenant{ID: "other"},
		&tenant.Tenant{ID: "limited"}, &tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended})
	s.guard.Registry = registry.Snapshot
	d := &door{sink: new(consumertest.LogsSink), telemetry: componenttest.NewTelemetry(), guard: guard.New(s.guard)}
	t.Cleanup(func() { require.NoError(t, d.telemetry.Shutdown(context.Background())) })
	d.guard.PostLimiter(func(id tenant.ID, _ tenant.Signal, _ int, _ int64) error {
		if id == "limited" {
			return rejection.New(rejection.Rate, "over 10 records per second")
		}
		return nil
	})
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = loopback.Addresses(t, 1)[0]
	cfg.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: authID}})
	if s.configure != nil {
		s.configure(cfg)
	}
	d.url = "http://" + cfg.ServerConfig.NetAddr.Endpoint
	set := receivertest.NewNopSettings(NewFactory().Type())
	set.TelemetrySettings = d.telemetry.NewTelemetrySettings()
	next, err := consumer.NewLogs(func(ctx context.Context, md plog.Logs) error {
		if s.next != nil {
			if err := s.next(ctx, md); err != nil {
				return err
			}
		}
		return d.sink.ConsumeLogs(ctx, md)
	})
	require.NoError(t, err)
	r, err := NewFactory().CreateLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), tenanttest.Host{authID: testAuth{}, guardID: testGuard{guard: d.guard}}))
	t.Cleanup(func() { require.NoError(t, r.Shutdown(context.Background())) })
	return d
}

// answer is what a request was answered with.
type answer struct {
	status int
	header http.Header
	body   string
}

// request is one to the receiver. Without key it is acme's.
type request struct {
	method      string // "": POST
	path        string // "": that of Loki
	key         string
	contentType string // "": JSON, "-": none
	encoding    string // "": none
	headers     map[string]string
	body        []byte
}

func (d *door) send(t *testing.T, r request) answer {
	t.Helper()
	a, err := d.try(t.Context(), r)
	require.NoError(t, err)
	return a
}

// try is send for other goroutines than the test's.
func (d *door) try(ctx context.Context, r request) (answer, error) {
	method := r.method
	if method == "" {
		method = http.MethodPost
	}
	if r.path == "" {
		r.path = pushPath
	}
	req, err := http.NewRequestWithContext(ctx, method, d.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	switch r.contentType {
	case "":
		req.Header.Set("Content-Type", "application/json")
	case "-":
	default:
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.encoding != "" {
		req.Header.Set("Content-Encoding", r.encoding)
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	if r.key == "" {
		r.key = "acme"
	}
	if r.key != "-" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.Header, string(body)}, nil
}
