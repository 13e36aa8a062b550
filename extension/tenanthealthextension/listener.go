package tenanthealthextension

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

const (
	// maxConnections bounds connections, so that a caller of the endpoint cannot
	// take the file descriptors of the gateway. A new connection replaces the oldest.
	maxConnections = 16

	// connectionTime is how long a connection may last.
	connectionTime = 10 * time.Second
)

// listen returns a listener with bounded connections.
func (s *server) listen(ctx context.Context) (net.Listener, error) {
	// Not the listener of confighttp: TLS goes around the bounded one.
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
