// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// defaultBodySize is the default of max_request_body_size, as the otlp receiver has it.
const defaultBodySize = 20 << 20

// httpServer is OTLP/HTTP.
type httpServer struct {
	*intake
	*guardedhttp.Server
	limits guard.BodyLimits
	paths  map[string]*service
}

// newHTTPServer returns a server that listens but does not serve yet.
func newHTTPServer(ctx context.Context, cfg HTTPConfig, host component.Host, set component.TelemetrySettings, in *intake) (*httpServer, error) {
	size := cfg.ServerConfig.MaxRequestBodySize
	if size <= 0 {
		size = defaultBodySize
	}
	h := &httpServer{intake: in, limits: bodyLimits(size), paths: make(map[string]*service, len(in.services))}
	h.limits.Encodings = cfg.ServerConfig.CompressionAlgorithms
	for _, s := range in.services {
		h.paths[string(s.path(&cfg))] = s
	}
	var err error
	h.Server, err = guardedhttp.Listen(ctx, guardedhttp.Settings{
		Config: cfg.ServerConfig, Host: host, Telemetry: set, Guard: in.guard, Patience: in.patience,
		Handler: http.HandlerFunc(h.route),
		Refuse:  h.reject,
		Panicked: func(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
			writeRejection(w, r.Header.Get("Content-Type"), h.answer(r.Context(), err))
		},
	})
	return h, err
}

// route finds the service of the path.
func (h *httpServer) route(w http.ResponseWriter, r *http.Request) {
	s, ok := h.paths[r.URL.Path]
	if !ok {
		h.refuse(w, r, h.otherPath(r.URL.Path))
		return
	}
	h.export(s, w, r)
}

// otherPath returns the rejection of a path at which there is nothing.
func (h *httpServer) otherPath(path string) *rejection.Error {
	err := rejection.Of(rejection.Path, h.signalPaths())
	switch path {
	case "/api/v1/write", "/loki/api/v1/push", "/api/prom/push":
		return rejection.New(rejection.Path, err.Error()+"; this port receives OTLP, remote write and Loki pushes have ports of their own")
	}
	return err
}

// signalPaths returns the paths of all signals, for a text.
func (h *httpServer) signalPaths() string {
	return strings.Join(slices.Sorted(maps.Keys(h.paths)), ", ")
}

func (h *httpServer) export(s *service, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, rejection.Of(rejection.Method))
		return
	}
	contentType := r.Header.Get("Content-Type")
	var f format
	switch mediaType(contentType) {
	case contentTypeProtobuf:
		f = formatProtobuf
	case contentTypeJSON:
		f = formatJSON
	default:
		h.refuse(w, r, rejection.Of(rejection.ContentType, "one of: "+contentTypeJSON+", "+contentTypeProtobuf))
		return
	}
	unknown, err := h.accept(r.Context(), s, f, func(request *guard.Request) ([]byte, error) {
		data, err := request.ReadBody(w, r, h.limits)
		h.BodyRead(w, err)
		return data, err
	})
	h.Answering(w)
	if err != nil {
		writeRejection(w, contentType, h.answer(r.Context(), err))
		return
	}
	response := s.accepted
	if unknown != "" { // such as a request of another signal, or of another protocol
		response = s.warning(fmt.Sprintf("the request has no %s; unknown field %q", s.records, unknown))
	}
	body, err := response.MarshalProto()
	contentType = contentTypeProtobuf
	if f == formatJSON {
		body, err = response.MarshalJSON()
		contentType = contentTypeJSON
	}
	if err != nil {
		writeRejection(w, contentType, h.answer(r.Context(), err))
		return
	}
	write(w, contentType, http.StatusOK, body)
}

// refuse counts and answers a request of another path, method or content type.
func (h *httpServer) refuse(w http.ResponseWriter, r *http.Request, err *rejection.Error) {
	writeRejection(w, r.Header.Get("Content-Type"), h.guard.Refuse(r.Context(), r.URL.Path, err))
}

// reject answers a request that confighttp finds unauthenticated.
func (h *httpServer) reject(w http.ResponseWriter, r *http.Request, text string, httpStatus int) {
	writeStatus(w, r.Header.Get("Content-Type"), httpStatus, status.New(codeOf(httpStatus), text))
}
