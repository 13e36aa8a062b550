// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package prometheusremotewritereceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/translate"
)

const (
	contentTypeProtobuf = "application/x-protobuf"
	messageV1           = "prometheus.WriteRequest"
	messageV2           = "io.prometheus.write.v2.Request"

	// maxText is the longest text of an answer. Prometheus logs its first line.
	maxText = 1024
)

// handler handles the requests of a receiver.
type handler struct {
	*remoteWriteReceiver
	server *guardedhttp.Server
	limits guard.BodyLimits

	builders translate.Builders
}

func newHandler(r *remoteWriteReceiver) *handler {
	limits := guard.BodyLimits{
		MaxCompressed: r.cfg.ServerConfig.MaxRequestBodySize,
		MaxDecoded:    int64(r.cfg.MaxDecodedSize),
		Encodings:     r.cfg.ServerConfig.CompressionAlgorithms,
	}
	if limits.Encodings == nil {
		limits.Encodings = encodings()
	}
	return &handler{remoteWriteReceiver: r, limits: limits}
}

// versionOf returns the version that a Content-Type names, or false for another one.
// Without a Content-Type it is 1.0.
func versionOf(contentType string) (message.Version, bool) {
	if contentType == "" {
		return message.V1, true
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != contentTypeProtobuf {
		return 0, false
	}
	switch parameters["proto"] {
	case "", messageV1:
		return message.V1, true
	case messageV2:
		return message.V2, true
	}
	return 0, false
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != h.cfg.Path {
		h.refuse(w, r, rejection.Of(rejection.Path, h.cfg.Path))
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, rejection.Of(rejection.Method))
		return
	}
	version, ok := versionOf(r.Header.Get("Content-Type"))
	if !ok {
		h.refuse(w, r, rejection.Of(rejection.ContentType, contentTypeProtobuf+" with "+messageV1+" or "+messageV2))
		return
	}
	if !h.setEncoding(r) {
		h.refuse(w, r, rejection.New(rejection.Encoding, "the Content-Encoding is not supported, send one of: "+strings.Join(h.limits.Encodings, ", ")))
		return
	}
	written, err := h.accept(w, r, version)
	h.server.Answering(w)
	if err != nil {
		h.reject(w, r, rejection.From(err))
		return
	}
	h.answer(w, r, http.StatusNoContent, written, "")
}

// setEncoding makes the Content-Encoding one that the guard decodes, or returns false.
// Remote write has no requests that are not compressed: where the header is missing it is
// snappy.
func (h *handler) setEncoding(r *http.Request) bool {
	values := r.Header.Values("Content-Encoding")
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		r.Header.Set("Content-Encoding", "snappy")
		return true
	case len(values) > 1:
		return false
	}
	return slices.Contains(h.limits.Encodings, strings.ToLower(strings.TrimSpace(values[0])))
}

// accept reads a request, decodes it and hands it to the next consumer.
func (h *handler) accept(w http.ResponseWriter, r *http.Request, version message.Version) (translate.Written, error) {
	ctx := r.Context()
	request, err := h.guard.Admit(ctx, tenant.Metrics)
	if err != nil {
		return translate.Written{}, err
	}
	defer request.Release()
	content := &contentReader{ReadCloser: r.Body}
	r.Body = content
	body, err := request.ReadBody(w, r, h.limits)
	h.server.BodyRead(w, err)
	if err != nil {
		return translate.Written{}, err
	}
	if !content.any { // also an empty message has a byte once it is compressed
		return translate.Written{}, malformed(request, errNoBody)
	}
	decoded, err := h.decode(ctx, request, version, body)
	if err != nil {
		return translate.Written{}, err
	}
	request.Decoded()
	err = h.consume(request.Context(ctx), decoded)
	waiting := decoded.Missing
	if err != nil {
		decoded.Written, waiting = translate.Written{}, decoded.Earlier
	}
	if n := h.memory.Of(request.Tenant()).KeepExemplars(waiting); n > 0 {
		h.telemetry.ReceiverPrometheusRemoteWriteDroppedExemplars.Add(ctx, int64(n))
	}
	return decoded.Written, err
}

// decode decodes a body. Its error is a rejection.
func (h *handler) decode(ctx context.Context, request *guard.Request, version message.Version, body []byte) (translate.Result, error) {
	counts, err := message.Scan(version, body)
	if err != nil {
		return translate.Result{}, malformed(request, err)
	}
	if err := request.Begin(int64(len(body)), counts.Series); err != nil {
		return translate.Result{}, h.countRefused(ctx, counts.Series, err)
	}
	if err := request.Reserve(counts.Memory()); err != nil {
		return translate.Result{}, h.countRefused(ctx, counts.Series, err)
	}
	remembered := h.memory.Of(request.Tenant())
	builder := h.builders.Get(remembered, translate.Text{Max: h.limits.MaxDecoded, Held: int64(len(body))}, request.Reserve)
	defer h.builders.Put(builder)
	decoder := message.Decoder{
		Series: builder.Add,
		Family: func(f message.Family) error {
			remembered.SetFamily(f.Name, f.Metadata)
			return nil
		},
		Reserve: request.Reserve,
	}
	if err := decoder.Decode(version, counts, body); err != nil {
		rejected := (*rejection.Error)(nil)
		switch {
		case errors.As(err, &rejected):
		case errors.Is(err, translate.ErrTooLarge):
			err = request.Count(rejection.New(rejection.TooLarge, fmt.Sprintf("the series have more than %v of text, each label counted as often as it occurs", h.cfg.MaxDecodedSize)))
		default:
			err = malformed(request, err)
		}
		return translate.Result{}, h.countRefused(ctx, counts.Series, err)
	}
	return builder.Finish(), nil
}

var errNoBody = errors.New("it has no body")

// contentReader is a body that knows whether there was anything in it.
type contentReader struct {
	io.ReadCloser
	any bool
}

// Read implements io.Reader.
func (c *contentReader) Read(p []byte) (n int, err error) {
	n, err = c.ReadCloser.Read(p)
	c.any = c.any || n > 0
	return n, err
}

// malformed returns the counted rejection of a request that cannot be decoded. The errors
// of the decoder have nothing of the content in them.
func malformed(request *guard.Request, err error) error {
	return request.Count(rejection.New(rejection.Malformed, "the request is malformed: "+err.Error()))
}

// countRefused counts records that are rejected before they are decoded.
func (h *handler) countRefused(ctx context.Context, records int, err error) error {
	h.obs.EndMetricsOp(h.obs.StartMetricsOp(ctx), "protobuf", records, err)
	return err
}

// consume hands metrics to the next consumer. What has no data points, such as metadata,
// is accepted.
func (h *handler) consume(ctx context.Context, decoded translate.Result) error {
	h.count(ctx, decoded)
	points := decoded.Metrics.DataPointCount()
	if points == 0 {
		return nil
	}
	ctx = h.obs.StartMetricsOp(ctx)
	err := h.guard.Protect(guard.HTTP, func() error { return h.next.ConsumeMetrics(ctx, decoded.Metrics) })
	h.obs.EndMetricsOp(ctx, "protobuf", points, err)
	return err
}

// count counts what OTLP could not express.
func (h *handler) count(ctx context.Context, decoded translate.Result) {
	if n := decoded.Rounded; n > 0 {
		h.telemetry.ReceiverPrometheusRemoteWriteRoundedHistograms.Add(ctx, int64(n))
	}
	if n := decoded.Reduced; n > 0 {
		h.telemetry.ReceiverPrometheusRemoteWriteReducedHistograms.Add(ctx, int64(n))
	}
}

// refuse counts and answers a request of another path, method or form.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	h.reject(w, r, h.guard.Refuse(r.Context(), err))
}

// unauthenticated answers a request that confighttp finds unauthenticated.
func (h *handler) unauthenticated(w http.ResponseWriter, r *http.Request, text string, status int) {
	h.answer(w, r, status, translate.Written{}, text)
}

// panicked answers a request during which something panicked.
func (h *handler) panicked(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	h.reject(w, r, err)
}

// reject answers with a rejection.
func (h *handler) reject(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	if err.Reason() == rejection.Panic {
		h.telemetry.ReceiverPrometheusRemoteWritePanics.Add(r.Context(), 1)
	}
	err.SetHeader(w.Header())
	h.answer(w, r, statusOf(err), translate.Written{}, err.Error())
}

// statusOf returns the status of a rejection. Prometheus drops what is answered with 429
// unless it is configured otherwise, so that what passes by itself is 503, which it sends
// again. Over a rate or a quota of the tenant it is 429.
func statusOf(err *rejection.Error) int {
	switch err.Reason() {
	case rejection.LaneFull, rejection.TenantRequests, rejection.TenantMemory:
		return http.StatusServiceUnavailable
	}
	return err.HTTPStatus()
}

// startCounters makes the series of counters exist before their first event.
func (h *handler) startCounters(ctx context.Context) {
	for _, c := range []metric.Int64Counter{
		h.telemetry.ReceiverPrometheusRemoteWriteDroppedExemplars, h.telemetry.ReceiverPrometheusRemoteWriteReducedHistograms,
		h.telemetry.ReceiverPrometheusRemoteWriteRoundedHistograms, h.telemetry.ReceiverPrometheusRemoteWritePanics,
	} {
		c.Add(ctx, 0)
	}
	for _, version := range []message.Version{message.V1, message.V2} {
		h.telemetry.ReceiverPrometheusRemoteWriteRequests.Add(ctx, 0, metric.WithAttributes(
			attribute.Int("code", http.StatusNoContent), attribute.String("version", versionName(version, true))))
	}
}

// answer answers a request. Senders of 2.0 compare what was written with what they sent,
// and those of 1.0 must not see the headers.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, written translate.Written, text string) {
	header := w.Header()
	version, ok := versionOf(r.Header.Get("Content-Type"))
	if ok && version == message.V2 {
		header.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(written.Samples))
		header.Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(written.Histograms))
		header.Set("X-Prometheus-Remote-Write-Exemplars-Written", strconv.Itoa(written.Exemplars))
	}
	h.telemetry.ReceiverPrometheusRemoteWriteRequests.Add(r.Context(), 1, metric.WithAttributes(
		attribute.Int("code", status), attribute.String("version", versionName(version, ok))))
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if text == "" {
		w.WriteHeader(status)
		return
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(cut(text) + "\n")) // an error means that the caller has gone
}

func versionName(version message.Version, known bool) string {
	switch {
	case !known:
		return "unknown"
	case version == message.V2:
		return "2.0"
	}
	return "1.0"
}

// cut returns the beginning of a text, in one line and as valid UTF-8.
func cut(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + " [cut]"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\n", " "), "\uFFFD")
}
