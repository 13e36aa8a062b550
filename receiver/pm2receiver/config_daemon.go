// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	maxListTimeout        = time.Minute
)

// DaemonLogConfig configures the log of PM2's daemon.
type DaemonLogConfig struct {
	// Enabled reads pm2.log in the home folder. Defaults to true, or to false if Config.Include
	// is set.
	Enabled *bool `mapstructure:"enabled"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ProcessListConfig configures the request for the files that PM2 writes.
type ProcessListConfig struct {
	// Enabled reads the files that PM2 lists, in any folder, with the names of their
	// applications. With Config.Include only the names are used. Defaults to true.
	Enabled bool `mapstructure:"enabled"`

	// Interval is how often PM2 is asked. A new file causes an additional request. Defaults to
	// 10s.
	Interval time.Duration `mapstructure:"interval"`

	// Timeout is how long an answer may take. Defaults to 2s.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ confmap.Validator = (*ProcessListConfig)(nil)

func defaultProcessListConfig() ProcessListConfig {
	return ProcessListConfig{Enabled: true, Interval: 10 * time.Second, Timeout: 2 * time.Second}
}

// Validate implements confmap.Validator.
func (c *ProcessListConfig) Validate() error {
	var errs []error
	if c.Interval < minCollectionInterval || c.Interval > maxCollectionInterval {
		errs = append(errs, fmt.Errorf(`"interval" must be between %v and %v, got %v`, minCollectionInterval, maxCollectionInterval, c.Interval))
	}
	if c.Timeout <= 0 || c.Timeout > maxListTimeout {
		errs = append(errs, fmt.Errorf(`"timeout" must be positive and at most %v, got %v`, maxListTimeout, c.Timeout))
	}
	return errors.Join(errs...)
}

// MetricsConfig configures the collection of metrics.
type MetricsConfig struct {
	// Enabled collects metrics of the processes of the daemon in the home folder. This process
	// needs permission to use the daemon's socket. Defaults to false.
	Enabled bool `mapstructure:"enabled"`

	// CollectionInterval is how often the daemon is asked. Defaults to 10s.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`

	// Timeout is how long an answer may take. Defaults to 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// Each enables or disables single metrics.
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

// readsDaemonLog reports whether the log of PM2's daemon is to be read.
func (c *Config) readsDaemonLog() bool {
	if c.DaemonLog.Enabled != nil {
		return *c.DaemonLog.Enabled
	}
	return len(c.Include) == 0
}

// daemonLog returns the path of the daemon's log in Home, or "" if it is not to be read.
func (c *Config) daemonLog() (string, error) {
	if !c.readsDaemonLog() || c.Home == "" && len(c.Homes) > 0 {
		return "", nil
	}
	return c.inHome("pm2.log")
}

func (c *Config) inHome(name string) (string, error) {
	home, err := c.home()
	if err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(home, name))
}
