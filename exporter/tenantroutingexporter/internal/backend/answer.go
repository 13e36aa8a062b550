package backend

import (
	"fmt"
	"mime"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

type signalOf = tenant.Signal

// partialSuccess reads the body of a successful answer. A backend that took the
// request has taken it whatever its body looks like, so a body that cannot be
// read says nothing.
func partialSuccess(signal tenant.Signal, body []byte, contentType string) (rejected int, err error) {
	if len(body) == 0 {
		return 0, nil
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	asJSON := mediaType == contentTypeJSON
	if !asJSON && mediaType != contentTypeProto && mediaType != "application/protobuf" && mediaType != "application/grpc" {
		return 0, nil
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
		return 0, nil
	}
	if message == "" {
		message = "no reason given"
	}
	const most = 1 << 40 // what a hostile backend says must not overflow a sum
	return int(min(max(count, 0), most)), answerError{fmt.Sprintf("partial success: %d rejected: ", count), message}
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

// errorMessage returns what a backend says of its refusal, in its own words: see
// shown.
func errorMessage(body []byte, contentType string) string {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	st := &spb.Status{}
	switch {
	case len(body) == 0:
		return "no message"
	case strings.HasSuffix(mediaType, "protobuf"):
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
