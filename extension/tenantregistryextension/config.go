// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
)

// maxPollInterval guarantees that a change is in force within a second if the file
// system reports no changes.
const maxPollInterval = 500 * time.Millisecond

const (
	minTimeout = 100 * time.Millisecond
	maxTimeout = time.Minute
)

// Config is the end-user configuration of the extension.
type Config struct {
	// File is the registry in a file. Either this or Postgres is required.
	File FileConfig `mapstructure:"file"`

	// Postgres is the registry in a database.
	Postgres PostgresConfig `mapstructure:"postgres"`

	// Snapshot is the path of a copy of the last good registry, with which the
	// extension starts if the source is missing or not valid. Its folder is created.
	// The default is empty: there is no copy.
	Snapshot string `mapstructure:"snapshot"`

	// PollInterval is the interval at which the source is checked even if no change
	// is reported, as on network file systems. At most 500ms. Defaults to 250ms.
	PollInterval time.Duration `mapstructure:"poll_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// FileConfig is a registry file as tenantctl writes it.
type FileConfig struct {
	// Path of the file. It may be a symbolic link, and its target may change.
	Path string `mapstructure:"path"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// PostgresConfig is a registry in a PostgreSQL database.
type PostgresConfig struct {
	// DSN is the connection string, a URL or "name=value" pairs as in libpq, with
	// the settings of TLS. The role only needs to read the tables tenant_registry
	// and tenant_registry_tenants. A string that cannot be used, such as one that
	// names a missing file, does not prevent the start: it is reported like a
	// database that is not available.
	DSN configopaque.String `mapstructure:"dsn"`

	// Timeout bounds one read of the database, including the connection. At least
	// 100ms, at most 1m. Defaults to 5s.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	switch {
	case c.File.Path == "" && c.Postgres.DSN == "":
		errs = append(errs, errors.New(`"file::path" or "postgres::dsn" is required`))
	case c.File.Path != "" && c.Postgres.DSN != "":
		errs = append(errs, errors.New(`"file::path" and "postgres::dsn" exclude each other`))
	case c.Postgres.DSN != "" && (c.Postgres.Timeout < minTimeout || c.Postgres.Timeout > maxTimeout):
		errs = append(errs, fmt.Errorf(`"postgres::timeout" must be from %v to %v, got %v`, minTimeout, maxTimeout, c.Postgres.Timeout))
	}
	if c.PollInterval <= 0 || c.PollInterval > maxPollInterval {
		errs = append(errs, fmt.Errorf(`"poll_interval" must be above 0 and at most %v, got %v`, maxPollInterval, c.PollInterval))
	}
	if c.Snapshot != "" && c.Snapshot == c.File.Path {
		errs = append(errs, errors.New(`"snapshot" must not be the file of "file::path"`))
	}
	return errors.Join(errs...)
}
