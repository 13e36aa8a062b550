// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"math"
	"os"
	"runtime/debug"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gcpace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

// goRuntime is what the extension has changed in the Go runtime. These are values of the process, so
// they are set back at the end. Of several guards, the first one that starts sets GOGC, and the
// others share its pace.
type goRuntime struct {
	mu             sync.Mutex
	pace           *gcpace.Pace
	shared         bool  // another guard stops pace
	hurried        bool  // garbage is collected sooner for this guard
	oldMemoryLimit int64 // 0: it was not changed
}

// startRuntime applies memory_limit and heap_floor.
func (e *requestGuard) startRuntime(host component.Host) error {
	if err := e.limitMemory(); err != nil {
		return err
	}
	if os.Getenv("GOGC") != "" {
		return nil // the operator decides
	}
	if e.runtime.share(host, e) {
		return nil
	}
	floor, err := e.heapFloor()
	if err != nil {
		return err
	}
	pace := gcpace.Start(floor)
	e.runtime.mu.Lock()
	e.runtime.pace = pace
	e.runtime.mu.Unlock()
	if n := pace.Floor(); n > 0 {
		e.logger.Info("The Go runtime collects no garbage below a size of the heap", zap.Stringer("heap_floor", bytesize.Size(n)))
	}
	return nil
}

// limitMemory has the Go runtime collect garbage before a control group ends the
// process, and before memory_limiter rejects data because garbage was not collected.
func (e *requestGuard) limitMemory() error {
	if e.cfg.MemoryLimit == MemoryLimitOff || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	size, err := e.cfg.MemoryLimit.size()
	if err != nil {
		return err
	}
	soft, why := int64(size), "memory_limit"
	if soft == 0 {
		limit, cgroup := guard.MemoryLimit()
		if !cgroup {
			return nil
		}
		soft, why = limit/4*3, "the control group"
	}
	if old := debug.SetMemoryLimit(-1); old == math.MaxInt64 {
		e.runtime.oldMemoryLimit = debug.SetMemoryLimit(soft)
		e.logger.Info("Soft memory limit of the Go runtime set", zap.Stringer("limit", bytesize.Size(soft)), zap.String("from", why))
	}
	return nil
}

// heapFloor returns the floor in bytes, or 0.
func (e *requestGuard) heapFloor() (int64, error) {
	if e.cfg.HeapFloor == HeapFloorOff {
		return 0, nil
	}
	memory, cgroup := guard.MemoryLimit()
	if size, err := e.cfg.HeapFloor.size(); err != nil || size != 0 {
		if err == nil {
			err = fits(size, memory)
		}
		return int64(size), err
	}
	return gcpace.DefaultFloor(debug.SetMemoryLimit(-1), memory, cgroup), nil
}

// share takes over the pace of a guard that has started before own, and returns whether there is one.
func (r *goRuntime) share(host component.Host, own *requestGuard) bool {
	for _, ext := range host.GetExtensions() {
		other, ok := ext.(*requestGuard)
		if !ok || other == own {
			continue
		}
		if pace := other.runtime.own(); pace != nil {
			r.mu.Lock()
			r.pace, r.shared = pace, true
			r.mu.Unlock()
			return true
		}
	}
	return false
}

// own returns the pace that r stops, or nil.
func (r *goRuntime) own() *gcpace.Pace {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shared {
		return nil
	}
	return r.pace
}

// floor returns the size of the heap below which no garbage is collected.
func (r *goRuntime) floor() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pace.Floor()
}

// collectSooner has garbage collected sooner while much memory is in flight.
func (r *goRuntime) collectSooner(high bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if high == r.hurried {
		return
	}
	r.hurried = high
	if high {
		r.pace.Hurry()
	} else {
		r.pace.Relax()
	}
}

// stop sets everything back.
func (r *goRuntime) stop() {
	r.collectSooner(false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.shared {
		r.pace.Stop()
	}
	r.pace, r.shared = nil, false
	if r.oldMemoryLimit != 0 {
		debug.SetMemoryLimit(r.oldMemoryLimit)
		r.oldMemoryLimit = 0
	}
}
