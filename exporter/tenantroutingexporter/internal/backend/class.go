package backend

import (
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// httpClass says what an operator can do about a status of HTTP.
func httpClass(status int, verdict lane.Verdict) tenant.AnswerClass {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return tenant.AnswerRefused
	case verdict == lane.Blocked:
		return tenant.AnswerNotFound
	case verdict == lane.TooLarge:
		return tenant.AnswerTooLarge
	case verdict == lane.Retry:
		return tenant.AnswerBusy
	}
	return "" // of a request, not of a lane
}

// grpcClass says the same of a status of gRPC, or of why there was none.
func grpcClass(code codes.Code, res *lane.Result) tenant.AnswerClass {
	switch {
	case res.Reason == "tls":
		return tenant.AnswerTLS
	case res.Reason == "dns", res.Reason == "connection_refused", code == codes.DeadlineExceeded, code == codes.Canceled:
		return tenant.AnswerUnreachable
	case code == codes.Unauthenticated, code == codes.PermissionDenied:
		return tenant.AnswerRefused
	case res.Verdict == lane.Blocked:
		return tenant.AnswerNotFound
	case res.Verdict == lane.TooLarge:
		return tenant.AnswerTooLarge
	case res.Verdict == lane.Retry:
		return tenant.AnswerBusy
	}
	return ""
}
