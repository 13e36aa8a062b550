package tenanthealthextension

import (
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// routesState is there if active tenants have routes that do not work.
type routesState struct {
	Tenants int               `json:"tenants"`
	Faults  []routeFaultState `json:"faults"`
}

type routeFaultState struct {
	Signal  string                   `json:"signal"`
	Problem healthboard.RouteProblem `json:"problem"`
	Tenants int                      `json:"tenants"`
}

// routesOf returns nil if all routes work, or nothing is known of them.
func routesOf(h *healthboard.Routes) *routesState {
	if h == nil {
		return nil
	}
	out := &routesState{Tenants: h.Tenants}
	for _, f := range h.Faults {
		out.Faults = append(out.Faults, routeFaultState{f.Signal.String(), f.Problem, f.Tenants})
	}
	return out
}
