// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Callers find out from status and text what to do.
func TestRejections_AreRecognized(t *testing.T) {
	body := func(encoding string, data io.Reader, limits BodyLimits) func(*Request) error {
		return func(r *Request) error {
			_, err := r.ReadBody(httptest.NewRecorder(), post(data, encoding), limits)
			return err
		}
	}
	check := func(json bool, data string) func(*Request) error {
		return func(r *Request) error {
			_, err := r.Check(json, []byte(data))
			return err
		}
	}
	values := func(n int) string {
		return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, n) + `{}` + strings.Repeat(`]}}`, n) + `}]}]}]}`
	}
	records := func(n int) string {
		return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + `]}]}]}`
	}
	small := BodyLimits{MaxCompressed: 100, MaxDecoded: 200}
	broken, _ := newStalledBody([]byte("some"))
	broken.end(errors.New("malformed chunked encoding"))
	wide := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00} // a frame of zstd with a window of 1 GiB
	for name, c := range map[string]struct {
		set  Settings
		do   func(*Request) error
		want rejection.Reason
	}{
		"too deep":                 {Settings{MaxDepth: 8}, check(true, values(20)), rejection.Depth},
		"too many elements":        {Settings{MaxElements: 1000}, check(true, records(2000)), rejection.Elements},
		"too large when decoded":   {Settings{Memory: 4 * mib, TenantMemory: 1 * mib}, check(true, records(20_000)), rejection.TooLarge},
		"too large to reserve":     {Settings{Memory: 4 * mib}, func(r *Request) error { return r.Reserve(1 << 40) }, rejection.TooLarge},
		"malformed JSON":           {Settings{}, check(true, `{"x`), rejection.Malformed},
		"malformed protobuf":       {Settings{}, check(false, "\x0a\xff"), rejection.Malformed},
		"two documents":            {Settings{}, check(true, `{} {}`), rejection.Malformed},
		"heap":                     {Settings{}, func(r *Request) error { r.guard.RefuseAbove(1); return r.CheckHeap(1) }, rejection.Memory},
		"encoding":                 {Settings{}, body("br", strings.NewReader("x"), BodyLimits{}), rejection.Encoding},
		"encoding not allowed":     {Settings{}, body("zstd", strings.NewReader("x"), BodyLimits{Encodings: []string{"gzip"}}), rejection.Encoding},
		"body too large":           {Settings{}, body("", strings.NewReader(strings.Repeat("x", 101)), small), rejection.TooLarge},
		"decoded body too large":   {Settings{}, body("snappy", bytes.NewReader(compressors(t)["snappy"](make([]byte, 1000))), small), rejection.TooLarge},
		"window too large":         {Settings{}, body("zstd", bytes.NewReader(wide), BodyLimits{}), rejection.TooLarge},
		"body that cannot be read": {Settings{}, body("", broken, BodyLimits{}), rejection.Malformed},
		"no gzip":                  {Settings{}, body("gzip", strings.NewReader("text"), BodyLimits{}), rejection.Malformed},
		"no zstd":                  {Settings{}, body("zstd", strings.NewReader("text"), BodyLimits{}), rejection.Malformed},
		"no snappy":                {Settings{}, body("snappy", strings.NewReader("text"), BodyLimits{Hint: "; for JSON send JSON"}), rejection.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := admit(asTenant("a"), t, New(c.set))
			defer r.Release()
			err := c.do(r)
			require.Equal(t, c.want, reasonFor(t, err), "%v", err)
			rejected := rejection.From(err)
			assert.Equal(t, c.want.String(), rejection.Recognize(rejected.HTTPStatus(), rejected.Error()).String(), rejected.Error())
		})
	}
}
