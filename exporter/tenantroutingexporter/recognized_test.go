// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Callers find out from status and text what to do, also behind receivers that do not know rejections.
func TestRejections_AreRecognized(t *testing.T) {
	_, undecodable := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics([]byte{0xff})
	require.Error(t, undecodable)
	for want, all := range map[rejection.Reason][]error{
		rejection.NoTenant:  {badTenant(tenant.ID("a b").Validate()), badTenant(tenant.ID("").Validate())},
		rejection.Malformed: {malformed(undecodable)},
		rejection.TooLarge: {
			tooLarge(cumulative.ErrGrowth),
			tooLarge(&wire.TooLargeError{Size: 10, Envelope: 9, Limits: wire.Limits{Piece: 5, Total: 20}}),
			tooLarge(&wire.TooLargeError{Size: 10, Envelope: 2, Limits: wire.Limits{Piece: 5, Total: 20}}),
			offerRejection(&lane.TooLargeError{Size: 70_000, Limit: 64 << 10}),
		},
		rejection.LaneFull: {
			offerRejection(&lane.FullError{Signal: tenant.Logs, Rule: "lane::max_bytes", Limit: bytesize.GiB, RetryAfter: time.Second}),
			offerRejection(fmt.Errorf("wrapped: %w", &lane.FullError{Signal: tenant.Metrics, Rule: "max_total_bytes", Limit: 4 * bytesize.GiB})),
		},
		rejection.DiskFull: {offerRejection(&lane.SpaceError{Signal: tenant.Traces})},
		rejection.Stopping: {offerRejection(lane.ErrShutdown)},
		rejection.Storage:  {offerRejection(errors.New("input/output error"))},
	} {
		for _, err := range all {
			rejected := rejection.From(err)
			assert.Equal(t, want, rejected.Reason(), "%v", err)
			assert.Equal(t, want.String(), rejection.Recognize(rejected.HTTPStatus(), rejected.Error()).String(), rejected.Error())
			if want == rejection.TooLarge {
				assert.Equal(t, want.String(), rejection.Recognize(400, rejected.Error()).String(), "of upstream's otlp")
			}
		}
	}
}
