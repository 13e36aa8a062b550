// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Callers find out from status and text what to do, although some of both are those of Loki.
func TestRejections_AreRecognized(t *testing.T) {
	d := setup{configure: func(cfg *Config) { cfg.ServerConfig.MaxRequestBodySize, cfg.MaxDecodedSize = 100_000, 200_000 }}.start(t)
	text, message := jsonLine(`{"app":"a"}`, "x"), protoLine(`{app="a"}`, "x")
	for name, c := range map[string]struct {
		request request
		want    rejection.Reason
	}{
		"path":              {request{path: "/loki/api/v1/query"}, rejection.Path},
		"method":            {request{method: http.MethodGet}, rejection.Method},
		"no type":           {request{contentType: "-", body: text}, rejection.ContentType},
		"invalid type":      {request{contentType: ";", body: text}, rejection.ContentType},
		"encoding":          {request{encoding: "br", body: text}, rejection.Encoding},
		"two encodings":     {request{encoding: "gzip, deflate", body: text}, rejection.Encoding},
		"no gzip":           {request{encoding: "gzip", body: text}, rejection.Malformed},
		"no snappy":         {request{contentType: typeProtobuf, body: text}, rejection.Malformed},
		"no protobuf":       {request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, text)}, rejection.Malformed},
		"JSON cut off":      {request{body: []byte(`{"streams":[`)}, rejection.Malformed},
		"JSON too deep":     {request{body: []byte(`{"x":` + strings.Repeat("[", 1000))}, rejection.Malformed},
		"JSON and more":     {request{body: []byte(`{"streams":[]} x`)}, rejection.Malformed},
		"JSON of a type":    {request{body: []byte(`{"streams":7}`)}, rejection.Malformed},
		"labels":            {request{contentType: typeProtobuf, body: snap(protoLine(`{app=}`, "x"))}, rejection.Malformed},
		"message cut off":   {request{contentType: typeProtobuf, body: snap(message[:len(message)-1])}, rejection.Malformed},
		"no stream":         {request{body: []byte(`{"streams":[]}`)}, rejection.NoStream},
		"body too large":    {request{body: make([]byte, 200_000)}, rejection.TooLarge},
		"decoded too large": {request{contentType: typeProtobuf, body: snap(make([]byte, 300_000))}, rejection.TooLarge},
		"in two encodings":  {request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, snap(make([]byte, 300_000)))}, rejection.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.send(t, c.request)
			assert.Equal(t, c.want.String(), rejection.Recognize(a.status, a.body).String(), "%d %s", a.status, a.body)
		})
	}
}
