// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/metadata"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Each rejected request of a caller that is known is counted for its key once, over both
// protocols and wherever it was rejected.
func TestReceiver_PostsRejections(t *testing.T) {
	board := &tenanttest.Rejections{}
	g := setup{guard: guard.Settings{MaxElements: 1000}}
	d := g.start(t)
	d.guard.PostRejections(rejection.Boards{board})
	logs := tenant.NewSignals(tenant.Logs)
	take := func(key, keyID string, signals tenant.Signals, reason string) {
		t.Helper()
		posted := board.Take()
		require.Len(t, posted, 1, reason)
		assert.NotNil(t, posted[0].Client, reason)
		assert.NotEmpty(t, posted[0].Text, reason)
		posted[0].Client, posted[0].Text, posted[0].Records, posted[0].Bytes = nil, "", 0, 0
		assert.Equal(t, rejection.Rejected{Tenant: tenant.ID(key), KeyID: keyID, Reason: reason, Signal: signals}, posted[0])
	}
	large, err := plogotlp.NewExportRequestFromLogs(someLogs(2000)).MarshalProto()
	require.NoError(t, err)
	header := func(key string) map[string]string {
		return map[string]string{"Authorization": "Bearer " + key, "Content-Type": contentTypeProtobuf}
	}
	body := func(method, path string, h map[string]string, body string, want int) {
		t.Helper()
		resp := send(t, d, method, path, h, body)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
	body(http.MethodPost, "/v1/logs", header("suspended"), "", http.StatusForbidden)
	take("suspended", "k1", logs, "suspended")
	body(http.MethodPost, "/v1/logs", header("unscoped"), "", http.StatusForbidden)
	take("good", "k2", logs, "scope")
	body(http.MethodPost, "/v1/logs", header("good"), string(large), http.StatusRequestEntityTooLarge)
	take("good", "k1", logs, "elements")
	body(http.MethodPost, "/v1/traces", header("good"), "\xff\xff\xff", http.StatusBadRequest)
	take("good", "k1", tenant.NewSignals(tenant.Traces), "malformed")
	body(http.MethodPost, "/v1/log", header("good"), "", http.StatusNotFound)
	take("good", "k1", 0, "path")
	body(http.MethodGet, "/v1/logs", header("good"), "", http.StatusMethodNotAllowed)
	take("good", "k1", 0, "method")
	h := header("good")
	h["Content-Type"] = "text/plain"
	body(http.MethodPost, "/v1/logs", h, "", http.StatusUnsupportedMediaType)
	take("good", "k1", 0, "content_type")
	for _, key := range []string{"", "undecided"} {
		resp := send(t, d, http.MethodPost, "/v1/logs", header(key), "")
		require.NoError(t, resp.Body.Close())
		assert.Empty(t, board.Take())
	}

	client := plogotlp.NewGRPCClient(d.conn)
	for _, tt := range []struct {
		key, tenant, keyID, reason string
		records                    int
	}{
		{"suspended", "suspended", "k1", "suspended", 1}, {"unscoped", "good", "k2", "scope", 1}, {"good", "good", "k1", "elements", 2000},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+tt.key)
		_, err := client.Export(ctx, plogotlp.NewExportRequestFromLogs(someLogs(tt.records)))
		require.Error(t, err)
		take(tt.tenant, tt.keyID, logs, tt.reason)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer good")
	_, err = client.Export(ctx, plogotlp.NewExportRequestFromLogs(someLogs(1)))
	require.NoError(t, err)
	assert.Empty(t, board.Take())
}
