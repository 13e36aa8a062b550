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

	// SetAsideAfter is how many processes in a row have to end by what they do,
	// each within a minute of its start, until the queues of exporters are set aside. 0
	// is never.
	SetAsideAfter int `mapstructure:"set_aside_after"`

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
	if c.SetAsideAfter < 0 {
		return errors.New(`"set_aside_after" must not be negative`)
	}
	return nil
}
