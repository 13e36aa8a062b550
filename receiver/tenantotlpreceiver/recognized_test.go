// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Callers find out from status and text what to do.
func TestRejections_AreRecognized(t *testing.T) {
	d := setup{open: true}.start(t)
	for name, c := range map[string]struct {
		method, path string
		header       map[string]string
		body         string
		want         rejection.Reason
	}{
		"path":                {http.MethodPost, "/otlp/v1/logs", nil, "{}", rejection.Path},
		"of remote write":     {http.MethodPost, "/api/v1/write", nil, "{}", rejection.Path},
		"of Loki":             {http.MethodPost, "/loki/api/v1/push", nil, "{}", rejection.Path},
		"method":              {http.MethodGet, "/v1/logs", nil, "", rejection.Method},
		"type":                {http.MethodPost, "/v1/logs", map[string]string{"Content-Type": "text/plain"}, "{}", rejection.ContentType},
		"encoding":            {http.MethodPost, "/v1/logs", map[string]string{"Content-Encoding": "br"}, "{}", rejection.Encoding},
		"no gzip":             {http.MethodPost, "/v1/logs", map[string]string{"Content-Encoding": "gzip"}, "{}", rejection.Malformed},
		"malformed":           {http.MethodPost, "/v1/logs", nil, `{"x`, rejection.Malformed},
		"malformed protobuf":  {http.MethodPost, "/v1/logs", map[string]string{"Content-Type": "application/x-protobuf"}, "\x0a\xff", rejection.Malformed},
		"two documents":       {http.MethodPost, "/v1/logs", nil, `{} {}`, rejection.Malformed},
		"larger than allowed": {http.MethodPost, "/v1/logs", nil, string(make([]byte, 1<<20+1)), rejection.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{"Content-Type": "application/json"}
			for name, value := range c.header {
				header[name] = value
			}
			resp := send(t, d, c.method, c.path, header, c.body)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, c.want.String(), rejection.Recognize(resp.StatusCode, string(body)).String(), "%d %s", resp.StatusCode, body)
		})
	}
	for name, frames := range map[string][]byte{
		"nothing":                     nil,
		"two messages":                append(framed(0, 0, nil), framed(0, 0, nil)...),
		"unknown flag":                framed(2, 0, nil),
		"compressed without encoding": framed(1, 1, []byte{0}),
		"not decodable":               framed(0, 2, []byte{0x0a, 0xff}),
	} {
		t.Run(name, func(t *testing.T) {
			c := call(t, d.grpc)
			c.data(true, frames)
			code, text := c.status()
			assert.Equal(t, rejection.Malformed.Code(), code)
			assert.Equal(t, rejection.Malformed.String(), rejection.Recognize(rejection.Malformed.HTTPStatus(), text).String(), text)
		})
	}
}
