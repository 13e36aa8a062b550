// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
)

// Gateway is a gateway to examine before an agent uses it.
type Gateway struct {
	Destination agentinstall.Destination
	Signals     []string
	Env         map[string]string // of the agent
	Timeout     time.Duration     // of each connection and request; 0: 10s
	Version     string
}

// CheckGateway examines the way to a gateway, and its answer to the key for each signal. It sends only requests
// without data.
func CheckGateway(ctx context.Context, g Gateway) []Finding {
	if g.Timeout <= 0 {
		g.Timeout = defaultTimeout
	}
	x := &examination{
		set:  Settings{Root: "/", Timeout: g.Timeout, Version: g.Version, Now: time.Now},
		vars: g.Env, secrets: &redact.Secrets{},
		agent: &agentinstall.Settings{Destinations: []agentinstall.Destination{g.Destination}, Signals: g.Signals},
	}
	x.secrets.Add(g.Destination.Key)
	x.report = &report{scrub: x.scrubbed}
	x.gateways(ctx)
	return x.all
}
