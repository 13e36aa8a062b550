// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"net/url"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

// PerRPCCredentials implements extensionauth.GRPCClient.
func (s *clientAuth) PerRPCCredentials() (credentials.PerRPCCredentials, error) {
	return &rpcCredentials{sender: s}, nil
}

type rpcCredentials struct{ sender *clientAuth }

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (c *rpcCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	if !encrypted(ctx) && !c.sender.mayCarryKey(hostOf(uri)) {
		c.sender.watch.withheld(hostOf(uri), time.Now())
		// The error is retryable, so that no data is lost until the operator fixes the
		// configuration.
		return nil, status.Error(codes.Unavailable, apikey.ErrWithheld.Error())
	}
	c.sender.watch.sent()
	return c.sender.current.Load().metadata, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. If it returned
// true, gRPC would reject loopback addresses too. GetRequestMetadata decides.
func (*rpcCredentials) RequireTransportSecurity() bool { return false }

func encrypted(ctx context.Context) bool {
	info, ok := credentials.RequestInfoFromContext(ctx)
	return ok && credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity) == nil
}

func hostOf(uri []string) string {
	if len(uri) == 0 {
		return ""
	}
	u, err := url.Parse(uri[0])
	if err != nil {
		return ""
	}
	return u.Hostname()
}
