// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// entry is the key that a ledger counts by.
type entry struct {
	destination, tenant string
	signal              tenant.Signal
}

// ledger records what all backends of a test received. A request's path is
// /<destination>/<tenant>/v1/<signal>.
type ledger struct {
	refuse func(e entry) bool // permanently, with 400

	mu      sync.Mutex
	got     map[entry]int
	foreign []string
	busy    int // answers 503
}

// backend starts a server that records in the ledger and sometimes answers 503.
func (l *ledger) backend(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	return s.URL
}

// ServeHTTP implements http.Handler.
func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	body, err := io.ReadAll(r.Body)
	if err != nil || len(parts) != 4 {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	e := entry{destination: parts[0], tenant: parts[1]}
	if e.signal, err = tenant.ParseSignal(parts[3]); err != nil || l.refuse(e) {
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if rand.IntN(100) == 0 {
		l.busy++
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	err = eachRecord(e.signal, body, func(resource, record pcommon.Map) {
		l.got[e]++
		id, _ := resource.Get(tenant.AttributeKey)
		sender, _ := record.Get(origin)
		if id.AsString() != e.tenant || sender.AsString() != e.tenant {
			l.foreign = append(l.foreign, fmt.Sprintf("%v got a record of %s, stamped %s", e, sender.AsString(), id.AsString()))
		}
	})
	if err != nil {
		l.foreign = append(l.foreign, fmt.Sprintf("%v got what is not OTLP: %v", e, err))
	}
}

// eachRecord calls f with the attributes of the resource and of each record.
func eachRecord(signal tenant.Signal, body []byte, f func(resource, record pcommon.Map)) error {
	switch signal {
	case tenant.Logs:
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(body)
		if err != nil {
			return err
		}
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					f(rl.Resource().Attributes(), r.Attributes())
				}
			}
		}
	case tenant.Metrics:
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
		if err != nil {
			return err
		}
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					for _, p := range m.Sum().DataPoints().All() {
						f(rm.Resource().Attributes(), p.Attributes())
					}
				}
			}
		}
	default:
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
		if err != nil {
			return err
		}
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					f(rs.Resource().Attributes(), s.Attributes())
				}
			}
		}
	}
	return nil
}

// account is one observation of the exporter's own metrics, for one destination and signal.
type account struct {
	accepted, recovered, delivered, queued, deadLettered, dropped int
}

var accountLine = regexp.MustCompile(`(?m)^otelcol_exporter_tenant_routing_(accepted|recovered|delivered|queued|dead_lettered|dropped)_records[a-z_]*\{([^}]*)\} (\S+)$`)

// accounts reads the metrics of the gateway by destination and signal.
func accounts(t *testing.T, addr string) map[string]account {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	all := map[string]account{}
	for _, m := range accountLine.FindAllStringSubmatch(string(text), -1) {
		value, err := strconv.ParseFloat(m[3], 64)
		require.NoError(t, err)
		key := label(m[2], "destination") + " " + label(m[2], "signal")
		a := all[key]
		field := map[string]*int{
			"accepted": &a.accepted, "recovered": &a.recovered, "delivered": &a.delivered,
			"queued": &a.queued, "dead_lettered": &a.deadLettered, "dropped": &a.dropped,
		}[m[1]]
		*field += int(value)
		all[key] = a
	}
	return all
}

func label(labels, name string) string {
	_, rest, _ := strings.Cut(labels, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
