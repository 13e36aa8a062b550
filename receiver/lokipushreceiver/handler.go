// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang/snappy"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/lokipushreceiver/internal/push"
)

// Paths of the push API.
const (
	pushPath   = "/loki/api/v1/push"
	legacyPath = "/api/prom/push"
)

// The formats of a request.
const (
	formatJSON     = "json"
	formatProtobuf = "protobuf"
	formatUnknown  = "unknown"
)

// maxSnappyRatio is a generous bound of the bytes to which a byte of a snappy block expands:
// a copy of three bytes expands to at most 64.
const maxSnappyRatio = 64

// maxText is the longest text of an answer. Clients log its first line.
const maxText = 1024

// handler handles the requests of a receiver.
type handler struct {
	*lokiPushReceiver
	server *guardedhttp.Server
	limits guard.BodyLimits
}

func newHandler(r *lokiPushReceiver) *handler {
	limits := guard.BodyLimits{
		MaxCompressed: r.cfg.ServerConfig.MaxRequestBodySize,
		MaxDecoded:    int64(r.cfg.MaxDecodedSize),
		Encodings:     r.cfg.ServerConfig.CompressionAlgorithms,
	}
	if limits.Encodings == nil {
		limits.Encodings = encodings()
	}
	return &handler{lokiPushReceiver: r, limits: limits}
}

// formatOf returns the format that a Content-Type names. Loki takes everything but JSON
// for protobuf, and rejects requests without a type.
func formatOf(contentType string) (string, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return formatUnknown, err
	case media == "application/json":
		return formatJSON, nil
	}
	return formatProtobuf, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != pushPath && r.URL.Path != legacyPath {
		h.refuse(w, r, rejection.Of(rejection.Path, pushPath))
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, rejection.Of(rejection.Method))
		return
	}
	format, err := formatOf(r.Header.Get("Content-Type"))
	if err != nil {
		h.refuse(w, r, rejection.New(rejection.ContentType, err.Error()+": send the Content-Type application/json or application/x-protobuf"))
		return
	}
	compressed, ok := h.setEncoding(r, format)
	if !ok {
		text := fmt.Sprintf("Content-Encoding %q not supported, send none or one of: %s", strings.Join(r.Header.Values("Content-Encoding"), ", "), strings.Join(h.limits.Encodings, ", "))
		h.refuse(w, r, rejection.New(rejection.Encoding, text))
		return
	}
	err = h.accept(w, r, format, compressed)
	h.server.Answering(w)
	if err != nil {
		h.reject(w, r, rejection.From(err))
		return
	}
	h.answer(w, r, http.StatusNoContent, "")
}

// setEncoding makes the Content-Encoding one that the guard decodes, or returns false. A
// message in protobuf is always in snappy's block format, whether the header says so or
// not. compressed says that it is inside of another encoding.
func (h *handler) setEncoding(r *http.Request, format string) (compressed, ok bool) {
	values := r.Header.Values("Content-Encoding")
	if len(values) > 1 {
		return false, false
	}
	name := ""
	if len(values) == 1 {
		name = strings.ToLower(strings.TrimSpace(values[0]))
	}
	switch name {
	case "", "identity":
		if format == formatProtobuf {
			r.Header.Set("Content-Encoding", "snappy")
		}
		return false, true
	case "snappy":
		return false, slices.Contains(h.limits.Encodings, name)
	}
	return format == formatProtobuf, slices.Contains(h.limits.Encodings, name)
}

// accept reads a request, decodes it and passes it to the next consumer.
func (h *handler) accept(w http.ResponseWriter, r *http.Request, format string, compressed bool) error {
	ctx := r.Context()
	request, err := h.guard.Admit(ctx, tenant.Logs)
	if err != nil {
		return err
	}
	defer request.Release()
	limits := h.limits
	if format == formatProtobuf && !compressed { // curl names a type that is not JSON's
		limits.Hint = "; for JSON send Content-Type: application/json"
	}
	body, err := request.ReadBody(w, r, limits)
	h.server.BodyRead(w, err)
	if err != nil {
		return err
	}
	if compressed {
		if body, err = h.unsnappy(request, body); err != nil {
			return err
		}
	}
	decoded, err := h.decode(ctx, request, format, body)
	if err != nil {
		return err
	}
	request.Decoded()
	if decoded.Streams == 0 { // also those of a body that has them elsewhere
		return request.Count(rejection.Of(rejection.NoStream))
	}
	return h.consume(request.Context(ctx), format, decoded)
}

// unsnappy decompresses a message inside of another encoding.
func (h *handler) unsnappy(request *guard.Request, body []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(body)
	if err != nil || n > maxSnappyRatio*len(body) {
		return uncompressed(request, body)
	}
	if int64(n) > int64(h.cfg.MaxDecodedSize) {
		return nil, request.Count(rejection.New(rejection.TooLarge, fmt.Sprintf("the decoded body has more than %v", h.cfg.MaxDecodedSize)))
	}
	if err := request.Reserve(int64(n)); err != nil {
		return nil, err
	}
	decoded, err := snappy.Decode(make([]byte, n), body)
	if err != nil {
		return uncompressed(request, body)
	}
	return decoded, nil
}

// uncompressed returns a message that is not a snappy block if it is one in protobuf.
func uncompressed(request *guard.Request, body []byte) ([]byte, error) {
	if _, err := push.CountEntries(body); err != nil {
		return nil, malformed(request, fmt.Errorf("the body is neither valid snappy nor valid protobuf: %w", err))
	}
	return body, nil
}

// decode decodes a body. Its error is a rejection.
func (h *handler) decode(ctx context.Context, request *guard.Request, format string, body []byte) (push.Result, error) {
	entries := 0 // of JSON they are not known
	if format == formatProtobuf {
		var err error
		if entries, err = push.CountEntries(body); err != nil {
			return push.Result{}, malformed(request, err)
		}
	}
	if err := request.Begin(int64(len(body)), entries); err != nil {
		return push.Result{}, h.countRefused(ctx, format, entries, err)
	}
	decoded, err := h.build(request, format, body)
	if err == nil {
		return decoded, nil
	}
	if rejected := (*rejection.Error)(nil); !errors.As(err, &rejected) {
		err = malformed(request, err)
	}
	return push.Result{}, h.countRefused(ctx, format, max(entries, decoded.Records), err)
}

func (h *handler) build(request *guard.Request, format string, body []byte) (push.Result, error) {
	builder, err := push.NewBuilder(push.Settings{
		MaxLineSize: int(h.cfg.MaxLineSize), Arrived: pcommon.NewTimestampFromTime(time.Now()), Reserve: request.Reserve,
	}, len(body))
	if err != nil {
		return push.Result{}, err
	}
	read := builder.JSON
	if format == formatProtobuf {
		read = builder.Protobuf
	}
	err = read(body)
	decoded, finish := builder.Finish()
	if err == nil {
		err = finish
	}
	return decoded, err
}

// malformed returns the counted rejection of a request that cannot be decoded.
func malformed(request *guard.Request, err error) error {
	text := err.Error()
	if !strings.HasPrefix(text, push.LabelsText) { // runbooks search for that
		text = "the request is malformed: " + text
	}
	return request.Count(rejection.New(rejection.Malformed, text))
}

// countRefused counts records that are rejected before the next consumer sees them.
func (h *handler) countRefused(ctx context.Context, format string, records int, err error) error {
	h.obs.EndLogsOp(h.obs.StartLogsOp(ctx), format, records, err)
	return err
}

// consume passes records to the next consumer. Streams without entries are accepted.
func (h *handler) consume(ctx context.Context, format string, decoded push.Result) error {
	h.count(ctx, decoded)
	if decoded.Records == 0 {
		return nil
	}
	ctx = h.obs.StartLogsOp(ctx)
	err := h.guard.Protect(guard.HTTP, func() error { return h.next.ConsumeLogs(ctx, decoded.Logs) })
	h.obs.EndLogsOp(ctx, format, decoded.Records, err)
	return err
}

// count counts what was changed.
func (h *handler) count(ctx context.Context, decoded push.Result) {
	for _, c := range []struct {
		n       int
		counter metric.Int64Counter
	}{
		{decoded.CutLines, h.telemetry.ReceiverLokiPushCutLines},
		{decoded.DroppedAttributes, h.telemetry.ReceiverLokiPushDroppedAttributes},
		{decoded.InvalidTimestamps, h.telemetry.ReceiverLokiPushInvalidTimestamps},
		{decoded.RepairedLabelSets, h.telemetry.ReceiverLokiPushRepairedLabelSets},
	} {
		if c.n > 0 {
			c.counter.Add(ctx, int64(c.n))
		}
	}
}

// refuse counts and answers a request of another path, method or form.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	h.reject(w, r, h.guard.Refuse(r.Context(), r.URL.Path, err))
}

// unauthenticated answers a request that confighttp finds unauthenticated.
func (h *handler) unauthenticated(w http.ResponseWriter, r *http.Request, text string, status int) {
	if status == http.StatusUnauthorized && r.Header.Get("Authorization") == "" {
		text = "no org id: " + text
	}
	h.answer(w, r, status, text)
}

// panicked answers a request during which something panicked.
func (h *handler) panicked(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	h.reject(w, r, err)
}

// reject answers with a rejection.
func (h *handler) reject(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	if err.Reason() == rejection.Panic {
		h.telemetry.ReceiverLokiPushPanics.Add(r.Context(), 1)
	}
	err.SetHeader(w.Header())
	h.answer(w, r, statusOf(err), textOf(r, err))
}

// statusOf returns the status of a rejection. Loki answers with 400 what has another form.
func statusOf(err *rejection.Error) int {
	switch err.Reason() {
	case rejection.ContentType, rejection.Encoding:
		return http.StatusBadRequest
	}
	return err.HTTPStatus()
}

// textOf returns the text of a rejection. Where runbooks search for a text of Loki, it
// begins with that.
func textOf(r *http.Request, err *rejection.Error) string {
	switch err.Reason() {
	case rejection.Rate, rejection.Quota:
		if caller, ok := tenant.FromContext(r.Context()); ok {
			return fmt.Sprintf("Ingestion rate limit exceeded for user %s: %s", caller.Tenant(), err.Error())
		}
	case rejection.TooLarge:
		return "request body too large: " + err.Error()
	}
	return err.Error()
}

// startCounters makes the series of counters exist before their first event.
func (h *handler) startCounters(ctx context.Context) {
	for _, c := range []metric.Int64Counter{
		h.telemetry.ReceiverLokiPushCutLines, h.telemetry.ReceiverLokiPushDroppedAttributes, h.telemetry.ReceiverLokiPushInvalidTimestamps,
		h.telemetry.ReceiverLokiPushRepairedLabelSets, h.telemetry.ReceiverLokiPushPanics,
	} {
		c.Add(ctx, 0)
	}
	for _, format := range []string{"json", "protobuf"} {
		h.telemetry.ReceiverLokiPushRequests.Add(ctx, 0, metric.WithAttributes(
			attribute.Int("code", http.StatusNoContent), attribute.String("format", format)))
	}
}

// answer answers a request.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, text string) {
	format, _ := formatOf(r.Header.Get("Content-Type")) // unknown if it cannot be parsed
	h.telemetry.ReceiverLokiPushRequests.Add(r.Context(), 1, metric.WithAttributes(
		attribute.Int("code", status), attribute.String("format", format)))
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	header := w.Header()
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(cut(text) + "\n")) // an error means that the caller has gone
}

// cut returns the beginning of a text, in one line and as valid UTF-8.
func cut(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + " [cut]"
	}
	return strings.ToValidUTF8(strings.NewReplacer("\n", " ", "\r", " ").Replace(text), "\uFFFD")
}
