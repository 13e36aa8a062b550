package bearerkeyauthextension

import (
	"context"
	"errors"
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

// keyFilePollInterval is how often the key file is read. It is read and not
// watched, since watches miss network file systems and some symlink swaps, and
// reading 51 bytes costs nothing.
const keyFilePollInterval = 500 * time.Millisecond

var errPlaintext = errors.New("refusing to send the API key without TLS to an address that is not loopback; use TLS or set `client::insecure`")

var _ redact.Holder = (*keySender)(nil)

// keySender adds a key to outgoing requests.
type keySender struct {
	cfg          *ClientConfig
	logger       *zap.Logger
	pollInterval time.Duration
	current      atomic.Pointer[credential]
	warned       warned
	watch        keyWatch

	stop     context.CancelFunc
	stopOnce sync.Once
	running  sync.WaitGroup
}

// credential is what one key becomes on the wire. It is immutable.
type credential struct {
	key      string
	metadata map[string]string
}

func newKeySender(logger *zap.Logger, cfg *ClientConfig) *keySender {
	s := &keySender{cfg: cfg, logger: logger, pollInterval: keyFilePollInterval}
	if cfg.Key != "" {
		s.use(string(cfg.Key))
	}
	return s
}

func (s *keySender) use(key string) {
	c := &credential{key: key, metadata: map[string]string{"authorization": "Bearer " + key}}
	if s.cfg.BusinessID != "" {
		c.metadata[tenant.HeaderBusinessID] = s.cfg.BusinessID
	}
	s.current.Store(c)
}

// Start implements component.Component. It fails if there is a key file and no
// key in it; later faults of the file keep the last good key.
func (s *keySender) Start(_ context.Context, host component.Host) error {
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
	recovery.New(s.logger).Keep(ctx.Done(), &s.running, "following client::key_file", func() { s.follow(ctx) })
	s.watch.start(host)
	return nil
}

// Shutdown implements component.Component.
func (s *keySender) Shutdown(context.Context) error {
	s.stopOnce.Do(func() {
		s.watch.shutdown()
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
	})
	return nil
}

// follow takes over what the key file holds until ctx ends.
func (s *keySender) follow(ctx context.Context) {
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

// reload reads the key file once. It logs a fault only if it is another than the
// one of the last read, and returns it.
func (s *keySender) reload(lastFault string) (fault string) {
	key, err := readKeyFile(s.cfg.KeyFile)
	switch {
	case err != nil && err.Error() != lastFault:
		s.logger.Error("client::key_file cannot be used, the last good key stays in use", zap.Error(err))
	case err == nil && key != s.current.Load().key:
		s.use(key)
		s.logger.Info("client::key_file has a new key, it is in use now")
	case err == nil && lastFault != "":
		s.logger.Info("client::key_file can be used again")
	}
	s.watch.read(s.cfg.KeyFile, err)
	if err != nil {
		return err.Error()
	}
	return ""
}

// Secrets implements redact.Holder: a server that quotes the key in its answer must not
// bring it into a log. The key's ID, by which servers name the key, is not secret.
func (s *keySender) Secrets() []string {
	c := s.current.Load()
	if c == nil {
		return nil
	}
	if parts := strings.SplitN(c.key, "_", 3); len(parts) == 3 {
		return parts[2:]
	}
	return []string{c.key}
}

// mayCarryKey tells whether a host of plain-text requests may see the key.
func (s *keySender) mayCarryKey(host string) bool {
	if s.cfg.Insecure || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
