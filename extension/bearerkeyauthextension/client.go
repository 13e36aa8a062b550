// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// keyFilePollInterval is how often the key file is read. File watches do not work on
// network file systems and miss some replacements of symbolic links.
const keyFilePollInterval = 500 * time.Millisecond

var _ redact.Holder = (*clientAuth)(nil)

// clientAuth authenticates outgoing requests with a key. It is safe for concurrent
// use.
type clientAuth struct {
	cfg          *ClientConfig
	logger       *zap.Logger
	pollInterval time.Duration
	current      atomic.Pointer[credential]
	logged       loggedURLs
	watch        clientConditions

	stop     context.CancelFunc
	stopOnce sync.Once
	running  sync.WaitGroup
}

// credential is a key and the headers that contain it. It is immutable.
type credential struct {
	key      string
	metadata map[string]string
}

func newClientAuth(logger *zap.Logger, cfg *ClientConfig) *clientAuth {
	s := &clientAuth{cfg: cfg, logger: logger, pollInterval: keyFilePollInterval}
	if cfg.Key != "" {
		s.use(string(cfg.Key))
	}
	return s
}

func (s *clientAuth) use(key string) {
	c := &credential{key: key, metadata: map[string]string{"authorization": "Bearer " + key}}
	if s.cfg.BusinessID != "" {
		c.metadata[tenant.HeaderBusinessID] = s.cfg.BusinessID
	}
	s.current.Store(c)
}

// Start implements component.Component. It fails if the key file has no key. If the
// file becomes unusable later, the last good key remains in use.
func (s *clientAuth) Start(_ context.Context, host component.Host) error {
	if s.cfg.KeyFile == "" {
		s.watch.start(host)
		return nil
	}
	key, err := readKeyFile(s.cfg.KeyFile)
	if err != nil {
		return fmt.Errorf("client::key_file: %w", err)
	}
	s.use(key)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	recovery.New(s.logger).Keep(ctx.Done(), &s.running, "watching the key file", func() { s.follow(ctx) })
	s.watch.start(host)
	return nil
}

// Shutdown implements component.Component.
func (s *clientAuth) Shutdown(context.Context) error {
	s.stopOnce.Do(func() {
		s.watch.shutdown()
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
	})
	return nil
}

// follow reloads the key file until ctx ends.
func (s *clientAuth) follow(ctx context.Context) {
	tick := time.NewTicker(s.pollInterval)
	defer tick.Stop()
	fault := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			fault = s.reload(fault)
		}
	}
}

// reload reads the key file once and returns its fault. It logs the fault if it
// differs from the last one.
func (s *clientAuth) reload(lastFault string) (fault string) {
	key, err := readKeyFile(s.cfg.KeyFile)
	switch {
	case err != nil && err.Error() != lastFault:
		s.logger.Error("Failed to read the key file; the last valid key remains in use", zap.String("file", s.cfg.KeyFile), zap.Error(err))
	case err == nil && key != s.current.Load().key:
		s.use(key)
		s.logger.Info("The key file has a new key, which is now in use", zap.String("file", s.cfg.KeyFile))
	case err == nil && lastFault != "":
		s.logger.Info("The key file can be used again", zap.String("file", s.cfg.KeyFile))
	}
	s.watch.read(s.cfg.KeyFile, err)
	if err != nil {
		return err.Error()
	}
	return ""
}

// Secrets implements redact.Holder, so that a server cannot put the key into a log by
// repeating it in its answer. The ID of the key, by which servers identify it, is not a
// secret.
func (s *clientAuth) Secrets() []string {
	c := s.current.Load()
	if c == nil {
		return nil
	}
	if parts := strings.SplitN(c.key, "_", 3); len(parts) == 3 {
		return parts[2:]
	}
	return []string{c.key}
}

// mayCarryKey reports whether requests to host may contain the key without TLS.
func (s *clientAuth) mayCarryKey(host string) bool {
	if s.cfg.Insecure || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
