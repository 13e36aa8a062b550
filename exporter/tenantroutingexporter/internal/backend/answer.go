// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"cmp"
	"fmt"
	"mime"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/webpage"
)

type signalOf = tenant.Signal

// reasonPartial is the reason of answers that concern part of the records.
const reasonPartial = "partial_success"

// reasonCount is the reason of answers that reject more records than were sent, or fewer than none.
const reasonCount = "invalid_count"

// accepted returns the result of an answer with a success status. The backend has the request whatever the
// answer is, unless it is a web page, which comes from another server at the address. complete reports
// whether body is the whole answer. from is the URL, if it may be shown. records is how many were sent:
// counts of rejected records beyond that, or below 0, are not used.
func (p *Profile) accepted(signal tenant.Signal, records int, body []byte, complete bool, contentType, from string) lane.Result {
	if webPage(body, contentType) {
		return lane.Result{
			Verdict: lane.Blocked, Reason: "web_page", Unexpected: true, Class: healthboard.AnswerNotFound,
			Err: answerError{"a web page in place of an answer: ", words(from, strings.TrimSpace(string(body)))},
		}
	}
	rejected, ok, err := partialSuccess(signal, body, contentType)
	res := lane.Result{Rejected: int(min(max(rejected, 0), int64(records))), Err: err}
	switch {
	case !ok && complete:
		res.Reason, res.Unexpected = "not_otlp", true
		res.Err = answerError{"an answer that is none of OTLP: ", words(from, fmt.Sprintf("%q: %s", contentType, body))}
	case err != nil:
		res.Reason = reasonPartial
		if rejected != int64(res.Rejected) {
			res.Reason, res.Unexpected = reasonCount, true
			res.Err = answerError{fmt.Sprintf("of %d records sent: ", records), err.Error()}
		}
		if rejected <= 0 && p.SoftErrors {
			res.Verdict = lane.Rejected // the lane searches for the rejected records
		}
	}
	return res
}

// words returns the text of an answer with its origin.
func words(from, text string) string {
	if from == "" {
		return text
	}
	return from + ": " + text
}

// webPage reports whether an answer is HTML.
func webPage(body []byte, contentType string) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType == "text/html" || mediaType == "application/xhtml+xml" {
		return bytes.HasPrefix(text, []byte("<"))
	}
	for _, start := range []string{"<!doctype html", "<html"} {
		if len(text) >= len(start) && strings.EqualFold(string(text[:len(start)]), start) {
			return true
		}
	}
	return false
}

// partialSuccess parses the body of an answer. ok is false if it is not OTLP.
func partialSuccess(signal tenant.Signal, body []byte, contentType string) (rejected int64, ok bool, err error) {
	if len(body) == 0 {
		return 0, true, nil
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	asJSON := mediaType == contentTypeJSON
	if !asJSON && mediaType != contentTypeProto && mediaType != "application/protobuf" && mediaType != "application/grpc" {
		return 0, false, nil
	}
	var count int64
	var message string
	var perr error
	switch signal {
	case tenant.Logs:
		r := plogotlp.NewExportResponse()
		perr = unmarshal(r, body, asJSON)
		count, message = r.PartialSuccess().RejectedLogRecords(), r.PartialSuccess().ErrorMessage()
	case tenant.Metrics:
		r := pmetricotlp.NewExportResponse()
		perr = unmarshal(r, body, asJSON)
		count, message = r.PartialSuccess().RejectedDataPoints(), r.PartialSuccess().ErrorMessage()
	case tenant.Traces:
		r := ptraceotlp.NewExportResponse()
		perr = unmarshal(r, body, asJSON)
		count, message = r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage()
	}
	if perr != nil || (count == 0 && message == "") {
		return 0, perr == nil, nil
	}
	if message == "" {
		message = "no reason given"
	}
	return count, true, answerError{fmt.Sprintf("partial success: %d rejected: ", count), message}
}

func unmarshal(r interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}, body []byte, asJSON bool,
) error {
	if asJSON {
		return r.UnmarshalJSON(body)
	}
	return r.UnmarshalProto(body)
}

// maxPageText bounds, in bytes, the text that is shown of a web page.
const maxPageText = 200

// errorMessage returns the backend's own text: see shown.
func errorMessage(body []byte, contentType string) string {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	st := &spb.Status{}
	switch {
	case len(body) == 0:
		return "no message"
	case webpage.Is(body, contentType): // of a proxy
		return cmp.Or(webpage.Text(body, maxPageText), "a web page without text")
	case strings.HasSuffix(mediaType, "protobuf"), mediaType == "application/octet-stream": // as Loki does
		if proto.Unmarshal(body, st) == nil && st.Message != "" {
			return st.Message
		}
	case mediaType == contentTypeJSON:
		if (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, st) == nil && st.Message != "" {
			return st.Message
		}
	}
	return string(body)
}
