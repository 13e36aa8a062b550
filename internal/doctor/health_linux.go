// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// maxHealth bounds the answer of /health.
const maxHealth = 1 << 20

// queueOld is how long data may wait before the doctor mentions it.
const queueOld = time.Minute

// health is the answer of the agent's /health.
type health struct {
	Status     string            `json:"status"`
	Reasons    []string          `json:"reasons"`
	Conditions []healthCondition `json:"conditions"`
	Lanes      map[string]struct {
		Queued      int64   `json:"queued_bytes"`
		Max         int64   `json:"max_bytes"`
		Oldest      float64 `json:"oldest_seconds"`
		DeadLetters *struct {
			Destinations int `json:"destinations"`
		} `json:"dead_letters"`
		Storage *struct {
			Free      *int64 `json:"free_bytes"`
			Reserve   int64  `json:"reserve_bytes"`
			Rejecting bool   `json:"refusing"`
		} `json:"storage"`
	} `json:"lanes"`
	Components map[string]string `json:"components"`
}

type healthCondition struct {
	Name    string `json:"name"`
	Cause   string `json:"cause"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
	Since   string `json:"since"`
}

// askHealth returns the answer of /health, or nil if there is none.
func (x *examination) askHealth(ctx context.Context) *health {
	if x.agent.Health == "" {
		return nil
	}
	data, err := fetch(ctx, x.agent.Health, x.set.Timeout)
	if err != nil {
		return nil
	}
	var h health
	if json.Unmarshal(data, &h) != nil || h.Status == "" {
		return nil // another program has the port
	}
	return &h
}

// fetch returns the body of an answer of this machine, with any status.
func fetch(ctx context.Context, url string, timeout time.Duration) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxHealth))
}

// healthFindings reports the conditions and the queue of the running agent.
func (x *examination) healthFindings(context.Context) {
	if x.health == nil {
		return
	}
	h := x.health
	for _, c := range h.Conditions {
		x.fail("agent.condition", c.Name, safetext.Clean(c.Message)+" (since "+safetext.Clean(c.Since)+")", safetext.Clean(c.Fix))
	}
	switch {
	case len(h.Conditions) > 0:
	case h.Status == "ok":
		x.ok("agent.condition", x.agent.Health, "The agent reports no condition")
	default:
		x.fail("agent.condition", x.agent.Health, fmt.Sprintf("The agent reports %s: %v %v", safetext.Clean(h.Status), h.Reasons, h.Components), "Look at the log of the agent: `journalctl -u otelcol-tenant-agent`.")
	}
	for _, name := range slices.Sorted(maps.Keys(h.Lanes)) {
		l := h.Lanes[name]
		x.queue(name, l.Queued, l.Max, time.Duration(l.Oldest*float64(time.Second)))
		if l.DeadLetters != nil {
			x.warn("queue.dead_letters", name, "There are dead letters: data that was rejected permanently", "`tenantctl deadletter list --directory STATE_DIR/dead-letters` shows them with the reason, and `tenantctl deadletter replay` sends them again.")
		} else {
			x.ok("queue.dead_letters", name, "There are no dead letters")
		}
	}
}

// queue reports data that waits.
func (x *examination) queue(name string, queued, limit int64, oldest time.Duration) {
	message := fmt.Sprintf("%s of %s wait, the oldest for %v", bytesize.Size(queued).Rounded(), bytesize.Size(limit).Rounded(), oldest.Round(time.Second))
	const fix = "See the other findings for the cause. The agent keeps the data until the gateway accepts it."
	switch {
	case limit > 0 && queued > limit/10*8:
		x.fail("queue.size", name, message+": the queue is almost full, and then the agent stops reading", fix)
	case oldest > queueOld:
		x.warn("queue.age", name, message, fix)
	default:
		x.ok("queue.age", name, message)
	}
}
