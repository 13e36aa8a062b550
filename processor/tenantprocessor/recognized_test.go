// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Callers find out from status and text what to do: each limit has its own text.
func TestRejections_AreRecognized(t *testing.T) {
	quota := func(set func(*tenant.Limits)) (limits tenant.Limits) {
		set(&limits)
		return limits
	}
	for name, c := range map[string]struct {
		limits tenant.Limits
		want   rejection.Reason
	}{
		"records per second":        {rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1}), rejection.Rate},
		"bytes per second":          {rateOf(tenant.Logs, tenant.Rate{BytesPerSecond: 1}), rejection.Rate},
		"records of a day":          {quota(func(l *tenant.Limits) { l.DailyRecords = 1 }), rejection.Quota},
		"bytes of a day":            {quota(func(l *tenant.Limits) { l.DailyBytes = 1 }), rejection.Quota},
		"records of a month":        {quota(func(l *tenant.Limits) { l.MonthlyRecords = 1 }), rejection.Quota},
		"bytes of a month":          {quota(func(l *tenant.Limits) { l.MonthlyBytes = 1 }), rejection.Quota},
		"records of a signal a day": {quota(func(l *tenant.Limits) { l.Quotas[tenant.Logs].DailyRecords = 1 }), rejection.Quota},
		"bytes of a signal a day":   {quota(func(l *tenant.Limits) { l.Quotas[tenant.Logs].DailyBytes = 1 }), rejection.Quota},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPipelines(t, authConfig(), tenanttest.Host{registryID: limited(t, c.limits)}, accept)
			var err error
			for range 100 { // the first requests may pass
				if err = p.logs.ConsumeLogs(tenantA, manyLogs(1000)); err != nil {
					break
				}
			}
			require.Error(t, err)
			rejected := rejection.From(err)
			assert.Equal(t, c.want, rejected.Reason())
			assert.Equal(t, c.want.String(), rejection.Recognize(rejected.HTTPStatus(), rejected.Error()).String(), rejected.Error())
		})
	}
}
