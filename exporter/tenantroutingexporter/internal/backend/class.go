// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// httpClass returns what an operator can do about an HTTP status.
func httpClass(status int, verdict lane.Verdict) healthboard.AnswerClass {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return healthboard.AnswerRejected
	case verdict == lane.Blocked:
		return healthboard.AnswerNotFound
	case verdict == lane.TooLarge:
		return healthboard.AnswerTooLarge
	case verdict == lane.Retry:
		return healthboard.AnswerBusy
	}
	return "" // it concerns a request, not the lane
}

// grpcClass returns the same for a gRPC status, or for the reason why there was none.
func grpcClass(code codes.Code, res *lane.Result) healthboard.AnswerClass {
	switch {
	case res.Reason == lane.ReasonKeyNotSent:
		return healthboard.AnswerConfig
	case res.Reason == "tls":
		return healthboard.AnswerTLS
	case res.Reason == "dns", res.Reason == "connection_refused", code == codes.DeadlineExceeded, code == codes.Canceled:
		return healthboard.AnswerUnreachable
	case code == codes.Unauthenticated, code == codes.PermissionDenied:
		return healthboard.AnswerRejected
	case res.Verdict == lane.Blocked:
		return healthboard.AnswerNotFound
	case res.Verdict == lane.TooLarge:
		return healthboard.AnswerTooLarge
	case res.Verdict == lane.Retry:
		return healthboard.AnswerBusy
	}
	return ""
}
