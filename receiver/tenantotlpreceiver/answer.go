// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

const (
	contentTypeProtobuf = "application/x-protobuf"
	contentTypeJSON     = "application/json"
	contentTypeText     = "text/plain; charset=utf-8"
)

// maxText is the longest text of an answer. gRPC sends it as a header.
const maxText = 1024

// cut returns the status with a text that fits an answer and is valid UTF-8, on
// which protobuf insists.
func cut(s *status.Status) *status.Status {
	text := s.Message()
	if len(text) > maxText {
		text = text[:maxText] + " [cut]"
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if text == s.Message() {
		return s
	}
	p := s.Proto()
	p.Message = text
	return status.FromProto(p)
}

// codeOf returns the code for the body of an answer that something other than this
// package gives over HTTP, such as an authenticator.
func codeOf(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	case http.StatusInternalServerError:
		return codes.Internal
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return codes.Unimplemented
	default:
		return codes.InvalidArgument
	}
}

// mediaType returns the media type of a Content-Type header without parameters.
func mediaType(header string) string {
	media, _, err := mime.ParseMediaType(header)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return media
}

// writeRejection answers with r.
func writeRejection(w http.ResponseWriter, contentType string, r *rejection.Error) {
	r.SetHeader(w.Header())
	writeStatus(w, contentType, r.HTTPStatus(), r.GRPCStatus())
}

// writeStatus answers with a google.rpc.Status in the format of the request, as
// OTLP/HTTP wants it, or with its text if the request has another format.
func writeStatus(w http.ResponseWriter, contentType string, httpStatus int, s *status.Status) {
	s = cut(s)
	media := mediaType(contentType)
	switch {
	case media == contentTypeProtobuf:
		if body, err := proto.Marshal(s.Proto()); err == nil {
			write(w, contentTypeProtobuf, httpStatus, body)
			return
		}
	case media == contentTypeJSON || contentType == "":
		if body, err := protojson.Marshal(s.Proto()); err == nil {
			write(w, contentTypeJSON, httpStatus, body)
			return
		}
	}
	write(w, contentTypeText, httpStatus, []byte(s.Message()+"\n"))
}

func write(w http.ResponseWriter, contentType string, httpStatus int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	// A browser must not render text of a sender in an error as a page.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(httpStatus)
	_, _ = w.Write(body) // an error means that the sender has disconnected
}
