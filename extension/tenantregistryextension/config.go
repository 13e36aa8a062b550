package tenantregistryextension

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
)

// maxPollInterval keeps the promise that a change is in force within a second
// where the file system tells of none.
const maxPollInterval = 500 * time.Millisecond

// Config is the end-user configuration of the extension.
type Config struct {
	// File is the registry in a file. Required.
	File FileConfig `mapstructure:"file"`

	// Postgres is the registry in a database, which this version cannot read.
	Postgres PostgresConfig `mapstructure:"postgres"`

	// Snapshot is the path of a copy of the last good registry, from which a
	// start succeeds while the source is missing or bad. Its folder is created.
	// Empty, the default, keeps no copy.
	Snapshot string `mapstructure:"snapshot"`

	// PollInterval is how often the source is looked at even if nothing tells
	// of a change, as on network file systems. At most 500ms. Defaults to
	// 250ms.
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
	// DSN is the connection string.
	DSN configopaque.String `mapstructure:"dsn"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	var errs []error
	if c.Postgres.DSN != "" {
		errs = append(errs, errors.New(`"postgres" is not available in this version, use "file"`))
	} else if c.File.Path == "" {
		errs = append(errs, errors.New(`"file::path" is required`))
	}
	if c.PollInterval <= 0 || c.PollInterval > maxPollInterval {
		errs = append(errs, fmt.Errorf(`"poll_interval" must be above 0 and at most %v, got %v`, maxPollInterval, c.PollInterval))
	}
	if c.Snapshot != "" && c.Snapshot == c.File.Path {
		errs = append(errs, errors.New(`"snapshot" must not be the file of "file::path"`))
	}
	return errors.Join(errs...)
}
