package pm2receiver

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
)

const (
	minCollectionInterval = time.Second
	maxCollectionInterval = time.Hour
)

// DaemonLogConfig says whether the log of PM2 itself is read.
type DaemonLogConfig struct {
	// Enabled makes records of pm2.log in the home folder. Defaults to true, or to
	// false if Config.Include is set.
	Enabled *bool `mapstructure:"enabled"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// MetricsConfig says whether and how PM2 is asked for its processes.
type MetricsConfig struct {
	// Enabled makes metrics of the processes of the daemon in the home folder. It needs
	// the right to use the daemon's socket. Defaults to false.
	Enabled bool `mapstructure:"enabled"`

	// CollectionInterval is how often the daemon is asked. Defaults to 10s.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`

	// Timeout is how long it may take to answer. Defaults to 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// Each switches metrics on or off by their names.
	Each metadata.MetricsConfig `mapstructure:",squash"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ confmap.Validator = (*MetricsConfig)(nil)

func defaultMetricsConfig() MetricsConfig {
	return MetricsConfig{
		CollectionInterval: 10 * time.Second,
		Timeout:            5 * time.Second,
		Each:               metadata.DefaultMetricsConfig(),
	}
}

// Validate implements confmap.Validator.
func (c *MetricsConfig) Validate() error {
	var errs []error
	if c.CollectionInterval < minCollectionInterval || c.CollectionInterval > maxCollectionInterval {
		errs = append(errs, fmt.Errorf(`"collection_interval" must be between %v and %v, got %v`, minCollectionInterval, maxCollectionInterval, c.CollectionInterval))
	}
	if c.Timeout <= 0 || c.Timeout > c.CollectionInterval {
		errs = append(errs, fmt.Errorf(`"timeout" must be positive and not longer than "collection_interval", got %v`, c.Timeout))
	}
	return errors.Join(errs...)
}

// daemonLog returns the path of the log of PM2 itself, or "" if it is not to be read.
func (c *Config) daemonLog() (string, error) {
	enabled := len(c.Include) == 0
	if c.DaemonLog.Enabled != nil {
		enabled = *c.DaemonLog.Enabled
	}
	if !enabled {
		return "", nil
	}
	return c.inHome("pm2.log")
}

// socket returns the path of the daemon's RPC socket.
func (c *Config) socket() (string, error) { return c.inHome("rpc.sock") }

func (c *Config) inHome(name string) (string, error) {
	home, err := c.home()
	if err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(home, name))
}
