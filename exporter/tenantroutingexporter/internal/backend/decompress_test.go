// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
)

// decompressing calls next with the body as it was before compression.
func decompressing(t *testing.T, next func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		switch r.Header.Get("Content-Encoding") {
		case "gzip":
			g, err := gzip.NewReader(r.Body)
			if !assert.NoError(t, err) {
				return
			}
			body = g
		case "zstd":
			z, err := zstd.NewReader(r.Body)
			if !assert.NoError(t, err) {
				return
			}
			defer z.Close()
			body = z
		}
		data, err := io.ReadAll(body)
		assert.NoError(t, err)
		next(w, r, data)
	}
}
