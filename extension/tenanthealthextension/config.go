package tenanthealthextension

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
)

// Config is the end-user configuration of the extension.
type Config struct {
	// ServerConfig is the server, as receivers have it. Its endpoint defaults to
	// localhost:13133. What it shows is no secret, but not for strangers.
	confighttp.ServerConfig `mapstructure:",squash"`

	// Path is where the state is asked for; below it, "/live" answers as long as
	// the process does. Defaults to "/health".
	Path string `mapstructure:"path"`

	// RegistryMaxAge is how long the source of a registry may be bad or away
	// until the registry is called stale. Defaults to 1m.
	RegistryMaxAge time.Duration `mapstructure:"registry_max_age"`

	// Conditions makes the extension watch what components cannot do, as an agent
	// needs it. Without it the answer names no address, path or tenant.
	Conditions configoptional.Optional[ConditionsConfig] `mapstructure:"conditions"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// plainPath is a path that means the same in a configuration and in a request.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	if c.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New(`"endpoint" is required`))
	}
	// A server refuses to start with a path that no request can have.
	if !plainPath.MatchString(c.Path) || path.Clean(c.Path) != c.Path {
		errs = append(errs, fmt.Errorf(`"path" must begin with a slash, not end with one, and be plain, got %q`, c.Path))
	}
	if c.RegistryMaxAge <= 0 {
		errs = append(errs, fmt.Errorf(`"registry_max_age" must be positive, got %v`, c.RegistryMaxAge))
	}
	return errors.Join(errs...)
}
