// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthclient"
)

const (
	pollInterval = 250 * time.Millisecond
	pollTimeout  = 5 * time.Second
	maxBody      = 8 << 20

	deliveredMetric = "otelcol_exporter_tenant_routing_delivered_records"
)

// state is what the running agent reports.
type state struct {
	health    *healthclient.Answer // nil: there is none
	delivered float64              // records that the gateway has accepted
	known     bool                 // delivered is known
}

// ok reports whether the agent reports no fault.
func (s *state) ok() bool { return s.health != nil && s.health.Status == healthclient.StatusOK }

// failing returns what keeps the agent from its work, and whether all of it is about to end.
func (s *state) failing() (some []Condition, ending bool) {
	if s.health == nil {
		return nil, false
	}
	some = s.health.Failing()
	return some, !slices.ContainsFunc(some, func(c Condition) bool { return !c.Ending })
}

// watch asks a running agent.
type watch struct {
	client          *http.Client
	health, metrics string
}

func newWatch(health, metrics string) *watch {
	return &watch{
		health: health, metrics: metrics,
		client: &http.Client{Timeout: pollTimeout, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}},
	}
}

// state asks once.
func (w *watch) state(ctx context.Context) (s state) {
	if answer, err := healthclient.Get(ctx, w.health); err == nil && answer.Known() {
		s.health = answer
	}
	if data, err := w.get(ctx, w.metrics); err == nil {
		s.delivered, s.known = sum(string(data), deliveredMetric), true
	}
	return s
}

func (w *watch) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxBody))
}

// sum returns the sum of all series of a metric in the text format of Prometheus. A unit or _total may follow
// its name.
func sum(text, name string) (total float64) {
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(strings.TrimSpace(line), name)
		if !found || rest == "" || !strings.ContainsRune("_{ ", rune(rest[0])) {
			continue
		}
		at := strings.LastIndexByte(rest, ' ')
		if at < 0 {
			continue
		}
		if n, err := strconv.ParseFloat(rest[at+1:], 64); err == nil {
			total += n
		}
	}
	return total
}
