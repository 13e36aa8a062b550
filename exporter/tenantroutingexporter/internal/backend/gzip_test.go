package backend

import (
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// text returns n bytes that compress about as logs do.
func text(n int) []byte {
	words := []string{"order ", "customer ", "placed ", "refused ", "timeout ", "checkout "}
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(words[rnd.IntN(len(words))])
		b.WriteByte(byte('0' + rnd.IntN(10)))
	}
	return b.Bytes()[:n]
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := stdgzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	return out
}

func TestGzipper_EveryLevelRoundTrips(t *testing.T) {
	data := text(100_000)
	for level := configcompression.Level(-2); level <= 9; level++ {
		g, err := newGzipper(level)
		require.NoError(t, err)
		packed, err := g.compress(t.Context(), [][]byte{data[:1], data[1:50_000], nil, data[50_000:]})
		require.NoError(t, err)
		assert.Equal(t, data, gunzip(t, packed), "level %d", level)
		assert.Less(t, len(packed), len(data), "level %d", level)
	}
	_, err := newGzipper(10)
	require.Error(t, err)
}

func TestGzipper_DefaultIsAboutAsSmallAsTheStandardLibrarys(t *testing.T) {
	data := text(25_000)
	g, err := newGzipper(0)
	require.NoError(t, err)
	ours, err := g.compress(t.Context(), [][]byte{data})
	require.NoError(t, err)
	var std bytes.Buffer
	w := stdgzip.NewWriter(&std)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.LessOrEqual(t, len(ours), std.Len()*115/100)
}

// What one call returned must not change when its writer serves another.
func TestGzipper_ResultsAreNotShared(t *testing.T) {
	g, err := newGzipper(1)
	require.NoError(t, err)
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			data := bytes.Repeat([]byte{byte('a' + i)}, 10_000+i)
			packed, err := g.compress(t.Context(), [][]byte{data})
			assert.NoError(t, err)
			for range 50 {
				_, err := g.compress(t.Context(), [][]byte{text(20_000)})
				assert.NoError(t, err)
			}
			assert.Equal(t, data, gunzip(t, packed))
		})
	}
	work.Wait()
}

// A caller whose turn does not come gives up when its context ends.
func TestGzipper_WaitsForItsTurnOnlyAsLongAsItsContext(t *testing.T) {
	g, err := newGzipper(0)
	require.NoError(t, err)
	for range cap(g.turns) {
		g.turns <- struct{}{} // all processors are busy
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.compress(ctx, [][]byte{text(100)})
	require.ErrorIs(t, err, context.Canceled)
	<-g.turns
	_, err = g.compress(t.Context(), [][]byte{text(100)})
	require.NoError(t, err)
	assert.Len(t, g.turns, cap(g.turns)-1, "a turn is given back")
}

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

// BenchmarkGzip compares with what confighttp does.
func BenchmarkGzip(b *testing.B) {
	data := [][]byte{text(25_000)}
	b.Run("ours", func(b *testing.B) {
		g, err := newGzipper(0)
		require.NoError(b, err)
		b.SetBytes(int64(len(data[0])))
		b.ReportAllocs()
		for b.Loop() {
			_, err := g.compress(b.Context(), data)
			require.NoError(b, err)
		}
	})
	b.Run("standard", func(b *testing.B) {
		w := stdgzip.NewWriter(nil)
		b.SetBytes(int64(len(data[0])))
		b.ReportAllocs()
		for b.Loop() {
			var out bytes.Buffer
			w.Reset(&out)
			_, err := w.Write(data[0])
			require.NoError(b, err)
			require.NoError(b, w.Close())
		}
	})
}
