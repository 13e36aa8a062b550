package backend

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

func TestHTTP_GzipIsReadableAndHasALength(t *testing.T) {
	var lengths []int64
	var bodies []string
	handler := decompressing(t, func(w http.ResponseWriter, _ *http.Request, data []byte) { bodies = append(bodies, string(data)) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"gzip"}, r.Header["Content-Encoding"])
		lengths = append(lengths, r.ContentLength)
		handler(w, r)
	}))
	defer s.Close()
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) { set.Client.Compression = "gzip" })
	b := logsBatch(t, "one", "two")
	require.Equal(t, lane.Delivered, send(t, d, b).Verdict)
	require.Len(t, bodies, 1)
	assert.Equal(t, string(bytes.Join(b.Payloads, nil)), bodies[0])
	assert.Positive(t, lengths[0])
}

func TestHTTP_BodyThatIsEncodedAlreadyIsLeftAlone(t *testing.T) {
	var got []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"identity"}, r.Header["Content-Encoding"])
		var err error
		got, err = io.ReadAll(r.Body)
		assert.NoError(t, err)
	}))
	defer s.Close()
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) {
		set.Client.Compression = "gzip"
		set.Client.Headers.Set("Content-Encoding", "identity")
	})
	b := logsBatch(t, "one")
	require.Equal(t, lane.Delivered, send(t, d, b).Verdict)
	assert.Equal(t, b.Payloads[0], got)
}
