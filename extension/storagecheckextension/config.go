package storagecheckextension

import (
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// Config says which files are looked at.
type Config struct {
	// Directory is that of the file_storage extension. It need not exist yet.
	Directory string `mapstructure:"directory"`

	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	if c.Directory == "" {
		return errors.New(`"directory" is required: that of the file_storage extension`)
	}
	return nil
}
