// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// Config is the end-user configuration of the extension.
type Config struct {
	// Directory is the directory of the file_storage extension. It need not exist yet.
	Directory string `mapstructure:"directory"`

	// SetAsideAfter is how many processes in a row must crash within a minute of their start
	// before the queues of exporters are set aside. 0 disables this. Defaults to 3.
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
		return errors.New(`"directory" is required: set it to the directory of the file_storage extension`)
	}
	if c.SetAsideAfter < 0 {
		return errors.New(`"set_aside_after" must not be negative`)
	}
	return nil
}
