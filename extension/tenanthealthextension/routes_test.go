package tenanthealthextension

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestJudge_ShowsRoutesThatDoNotWork(t *testing.T) {
	f := healthy()
	f.lane(func(l *healthboard.Lanes) {
		l.Routes = &healthboard.Routes{Tenants: 3, Faults: []healthboard.RouteFault{
			{Signal: tenant.Logs, Problem: healthboard.RouteUnknown, Tenants: 2}, {Signal: tenant.Metrics, Problem: healthboard.RouteSignal, Tenants: 1},
		}}
	})
	s := judge(f)
	assert.Equal(t, statusDegraded, s.Status)
	assert.Equal(t, []reason{reasonRoutes}, s.Reasons)
	body, err := json.Marshal(s.Lanes["tenant_routing"].Routes)
	require.NoError(t, err)
	assert.JSONEq(t, `{"tenants": 3, "faults": [
		{"signal": "logs", "problem": "unknown_destination", "tenants": 2},
		{"signal": "metrics", "problem": "signal_not_taken", "tenants": 1}]}`, string(body))
}
