// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

func (r *router) usage() store.Usage {
	if r.store == nil {
		return store.Usage{Free: -1}
	}
	return r.store.Usage()
}

// health returns the state of the lanes for health boards.
func (r *router) health() healthboard.Lanes {
	h := r.scheduler.Load().Health()
	h.Routes = r.routes.Load()
	if r.letters != nil {
		h.DeadLetters = r.letters.health()
	}
	if r.store == nil || r.stateDir == "" {
		return h
	}
	now := time.Now()
	u := r.usage()
	h.Storage = &healthboard.Storage{Used: u.Taken, Free: u.Free, Reserve: u.Reserve}
	if since := r.shortage.look(now); !since.IsZero() {
		h.Storage.Rejecting, h.Storage.For = true, now.Sub(since)
	}
	return h
}
