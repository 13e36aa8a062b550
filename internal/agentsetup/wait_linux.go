// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

const (
	pollInterval = 250 * time.Millisecond
	pollTimeout  = 5 * time.Second
	maxBody      = 8 << 20

	// conditionsKnown is after how long /health is complete: a condition begins 10 s after its cause is seen, which
	// needs the start of the agent and an answer of PM2.
	conditionsKnown = 15 * time.Second

	deliveredMetric = "otelcol_exporter_tenant_routing_delivered_records"
)

// Condition is what keeps the agent from doing its work, as its /health reports it.
type Condition struct {
	Name    string `json:"name"`
	Cause   string `json:"cause,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// state is what the running agent reports.
type state struct {
	answers    bool // /health answers
	ok         bool
	conditions []Condition
	delivered  float64 // records that the gateway has accepted
	known      bool    // delivered is known
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
	if data, err := w.get(ctx, w.health); err == nil {
		var body struct {
			Status     string      `json:"status"`
			Conditions []Condition `json:"conditions"`
		}
		if json.Unmarshal(data, &body) == nil && body.Status != "" {
			s.answers, s.ok = true, body.Status == "ok"
			for _, c := range body.Conditions {
				s.conditions = append(s.conditions, Condition{safetext.Clean(c.Name), safetext.Clean(c.Cause), safetext.Clean(c.Message), safetext.Clean(c.Fix)})
			}
		}
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
