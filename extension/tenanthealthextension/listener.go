// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

const (
	// maxConnections bounds connections, so that clients of this endpoint cannot exhaust the
	// file descriptors of the process. A new connection replaces the oldest one.
	maxConnections = 16

	// connectionTime is the maximum age of a connection.
	connectionTime = 10 * time.Second
)

// listen returns a listener with bounded connections.
func (s *server) listen(ctx context.Context) (net.Listener, error) {
	// The listener of confighttp is not used, because TLS must wrap the bounded listener.
	var config *tls.Config
	if s.cfg.TLS.HasValue() {
		var err error
		if config, err = s.cfg.TLS.Get().LoadTLSConfig(ctx); err != nil {
			return nil, err
		}
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	listener, err := s.cfg.NetAddr.Listen(ctx)
	if err != nil {
		return nil, err
	}
	bounds := guard.New(guard.Settings{Connections: guard.ConnectionSettings{Max: maxConnections, FirstRequest: connectionTime}})
	listener = bounds.Listener(listener)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	return listener, nil
}
