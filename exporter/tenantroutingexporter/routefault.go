// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// routeFault is why data of one signal does not reach one destination of a tenant.
type routeFault struct {
	signal  tenant.Signal
	problem healthboard.RouteProblem
	text    string
}

// check returns all faults of the routes of t.
func (ps *plans) check(t *tenant.Tenant) (faults []routeFault) {
	p := ps.of(t)
	for _, signal := range tenant.AllSignals() {
		add := func(problem healthboard.RouteProblem, format string, args ...any) {
			faults = append(faults, routeFault{signal, problem, signal.String() + fmt.Sprintf(format, args...)})
		}
		for _, name := range p.unknown[signal] {
			add(healthboard.RouteUnknown, ": route to %q, which is not a destination of this exporter; it has %s", name, ps.names())
		}
		for _, route := range p.routes[signal] {
			d := ps.destinations[route.Destination]
			if !d.Carries(signal) {
				add(healthboard.RouteSignal, ": route to %q, which does not take %s", route.Destination, signal)
				continue
			}
			if err := d.Check(int(signal), ps.values(t)); err != nil {
				add(healthboard.RouteSettings, " to %s: %v", route.Destination, err)
			}
		}
	}
	return faults
}

// maxNames bounds the number of destinations in a log line.
const maxNames = 20

// names returns a list of the destinations for messages.
func (ps *plans) names() string {
	all := slices.Sorted(maps.Keys(ps.destinations))
	if len(all) > maxNames {
		return strings.Join(all[:maxNames], ", ") + fmt.Sprintf(" and %d more", len(all)-maxNames)
	}
	return strings.Join(all, ", ")
}

// routeError returns one error with a line for each fault, or nil.
func routeError(faults []routeFault) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = errors.New(f.text)
	}
	return errors.Join(errs...)
}

// routeCounts counts the faults of all tenants, without their names.
type routeCounts struct {
	tenants int
	faults  map[healthboard.RouteFault]int // tenants by fault, whose own count is zero
}

func (c *routeCounts) add(faults []routeFault) {
	if len(faults) == 0 {
		return
	}
	c.tenants++
	if c.faults == nil {
		c.faults = make(map[healthboard.RouteFault]int)
	}
	counted := make(map[healthboard.RouteFault]bool)
	for _, f := range faults {
		kind := healthboard.RouteFault{Signal: f.signal, Problem: f.problem}
		if !counted[kind] {
			counted[kind] = true
			c.faults[kind]++
		}
	}
}

// health returns the counts by signal, or nil if there is no fault.
func (c *routeCounts) health() *healthboard.Routes {
	if c.tenants == 0 {
		return nil
	}
	h := &healthboard.Routes{Tenants: c.tenants}
	for _, signal := range tenant.AllSignals() {
		for _, problem := range []healthboard.RouteProblem{healthboard.RouteUnknown, healthboard.RouteSignal, healthboard.RouteSettings} {
			kind := healthboard.RouteFault{Signal: signal, Problem: problem}
			if n := c.faults[kind]; n > 0 {
				kind.Tenants = n
				h.Faults = append(h.Faults, kind)
			}
		}
	}
	return h
}
