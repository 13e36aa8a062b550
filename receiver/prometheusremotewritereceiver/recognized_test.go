// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package prometheusremotewritereceiver

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Callers find out from status and text what to do, although some statuses are others than those of OTLP.
func TestRejections_AreRecognized(t *testing.T) {
	var next error
	d := setup{
		configure: func(cfg *Config) { cfg.ServerConfig.MaxRequestBodySize, cfg.MaxDecodedSize = 100_000, 200_000 },
		next:      func(context.Context, pmetric.Metrics) error { return next },
	}.start(t)
	for name, c := range map[string]struct {
		request request
		next    rejection.Reason
		want    rejection.Reason
	}{
		"path":              {request{path: "/other"}, rejection.None, rejection.Path},
		"method":            {request{method: http.MethodGet}, rejection.None, rejection.Method},
		"type":              {request{contentType: "text/plain"}, rejection.None, rejection.ContentType},
		"encoding":          {request{encoding: "br"}, rejection.None, rejection.Encoding},
		"no snappy":         {request{body: []byte("text")}, rejection.None, rejection.Malformed},
		"malformed":         {request{body: snap([]byte{0x22, 0x7f})}, rejection.None, rejection.Malformed},
		"no body":           {request{body: []byte{}}, rejection.None, rejection.Malformed},
		"body too large":    {request{body: make([]byte, 200_000)}, rejection.None, rejection.TooLarge},
		"decoded too large": {request{body: snap(make([]byte, 300_000))}, rejection.None, rejection.TooLarge},
		"too much text":     {request{body: snap(manyReferences())}, rejection.None, rejection.TooLarge},
		"lane":              {request{}, rejection.LaneFull, rejection.LaneFull},
		"requests":          {request{}, rejection.TenantRequests, rejection.TenantRequests},
		"memory":            {request{}, rejection.TenantMemory, rejection.TenantMemory},
	} {
		t.Run(name, func(t *testing.T) {
			next = nil
			if c.next != rejection.None {
				next = rejection.Of(c.next)
			}
			r := c.request
			if r.contentType == "" {
				r.contentType = typeV2
			}
			if r.body == nil {
				r.body = snap(sampleV2("__name__", "m"))
			}
			a := d.send(t, r)
			assert.Equal(t, c.want.String(), rejection.Recognize(a.status, a.body).String(), "%d %s", a.status, a.body)
		})
	}
}
