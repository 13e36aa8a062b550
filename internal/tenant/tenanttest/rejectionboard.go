// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanttest

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Rejections is a rejection.Board and an extension that records what is posted. The
// zero value is empty.
type Rejections struct {
	mu  sync.Mutex
	all []rejection.Rejected
}

var (
	_ rejection.Board     = (*Rejections)(nil)
	_ component.Component = (*Rejections)(nil)
)

// PostRejection implements rejection.Board.
func (r *Rejections) PostRejection(of rejection.Rejected) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, of)
}

// Take returns what was posted since the last call.
func (r *Rejections) Take() []rejection.Rejected {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// Start implements component.Component.
func (*Rejections) Start(context.Context, component.Host) error { return nil }

// Shutdown implements component.Component.
func (*Rejections) Shutdown(context.Context) error { return nil }
