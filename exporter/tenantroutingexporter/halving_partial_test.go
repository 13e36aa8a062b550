// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// lenient is a backend that stores the records of a request whose names do not begin
// with "bad", and says of the others what answer writes.
type lenient struct {
	answer func(w http.ResponseWriter, bad []string)

	mu    sync.Mutex
	down  bool
	got   map[string]int
	calls int
}

func (l *lenient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, err := decoded(r)
	var names []string
	if strings.Contains(r.URL.Path, "metrics") {
		req := pmetricotlp.NewExportRequest()
		if err == nil {
			err = req.UnmarshalProto(body)
		}
		names = metricNames(req.Metrics())
	} else {
		req := plogotlp.NewExportRequest()
		if err == nil {
			err = req.UnmarshalProto(body)
		}
		names = logNames(req.Logs())
	}
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if l.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.calls++
	var bad []string
	for _, name := range names {
		if strings.HasPrefix(name, "bad") {
			bad = append(bad, name)
		} else {
			l.got[name]++
		}
	}
	if len(bad) > 0 {
		l.answer(w, bad)
	}
}

// Loki, Cortex and Mimir store the good records of what they reject. These count as
// delivered, the others are dead letters, with the reason of each.
func TestHalving_OfBackendsThatStoreTheRest(t *testing.T) {
	loki := func(w http.ResponseWriter, bad []string) {
		var all []string
		for _, name := range bad {
			all = append(all, fmt.Sprintf("entry for stream '{service_name=%q}' has timestamp too new: %d", name, len(bad)))
		}
		message := all[0]
		if len(all) > 1 {
			message = "1 errors like: " + strings.Join(all, "; 1 errors like: ")
		}
		w.WriteHeader(http.StatusBadRequest)
		body, _ := proto.Marshal(&spb.Status{Message: message})
		_, _ = w.Write(body) // without a type, as Loki does
	}
	for _, c := range []struct {
		profile string
		signal  tenant.Signal
		answer  func(w http.ResponseWriter, bad []string)
		reason  string
		calls   int
	}{
		{"loki", tenant.Logs, loki, "http_400", 20},
		{"loki", tenant.Logs, func(w http.ResponseWriter, bad []string) {
			http.Error(w, "stream '"+bad[0]+"' has label value too long: 'x'", http.StatusBadRequest)
		}, "http_400", 30},
		{"cortex", tenant.Metrics, func(w http.ResponseWriter, bad []string) {
			http.Error(w, "label value too long: "+bad[0], http.StatusBadRequest)
		}, "http_400", 30},
		{"mimir", tenant.Metrics, func(w http.ResponseWriter, bad []string) {
			r := pmetricotlp.NewExportResponse()
			r.PartialSuccess().SetErrorMessage("the series is new: " + bad[0])
			body, _ := r.MarshalProto()
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write(body)
		}, "partial_success", 30},
	} {
		t.Run(c.profile, func(t *testing.T) {
			t.Parallel()
			l := &lenient{answer: c.answer, got: make(map[string]int), down: true}
			web := httptest.NewServer(l)
			t.Cleanup(web.Close)
			dir := t.TempDir()
			g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {profile: %s, otlp_http: {endpoint: %q}}}
routes: {logs: [d], metrics: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 200ms, max_interval: 200ms}
circuit_breaker: {failures: 5, open: 200ms}
dead_letter: {directory: %q}
`, c.profile, web.URL, dir), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
			var good []string
			for i := range 10 {
				names := []string{fmt.Sprint("good", i, "a"), fmt.Sprint("good", i, "b"), fmt.Sprint("good", i, "c")}
				good = append(good, names...)
				switch i {
				case 3:
					names = slices.Insert(names, 1, "bad1")
				case 9:
					names = append(names, "bad2")
				}
				require.NoError(t, g.consumeNamed(c.signal, "a", names...))
			}
			l.mu.Lock()
			l.down = false
			l.mu.Unlock()
			require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, time.Minute, time.Millisecond)
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, name := range good {
				assert.Positive(t, l.got[name], name)
			}
			dead, messages := letters(t, dir)
			assert.ElementsMatch(t, []string{"bad1", "bad2"}, dead)
			for name, message := range messages {
				assert.Contains(t, message, name, "the reason of that record")
			}
			assert.Equal(t, int64(30), sum(t, g.tel, "delivered_records"))
			assert.Equal(t, int64(2), sum(t, g.tel, "dead_lettered_records", "reason="+c.reason))
			assert.LessOrEqual(t, l.calls, c.calls)
			t.Logf("%d requests", l.calls)
		})
	}
}
