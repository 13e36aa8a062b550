// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"encoding"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
)

const (
	// builtInGuard is the value of `guard` for a guard of the receiver's own.
	builtInGuard = "built_in"

	// directOff is the value of `direct` that is the same as none, for configurations that
	// set it from the environment.
	directOff = "off"
)

// Config is the end-user configuration of the receiver. `protocols` takes what the
// otlp receiver takes.
type Config struct {
	// Protocols are the protocols that the receiver listens for. At least one.
	Protocols Protocols `mapstructure:"protocols"`

	// Guard is the ID of the extension that bounds what requests may use, shared
	// with other receivers. Defaults to request_guard. built_in gives the receiver a
	// guard of its own with default limits.
	Guard component.ID `mapstructure:"guard"`

	// Direct is the ID of the tenant_routing exporter of the pipelines of the receiver.
	// Requests in protobuf that need no decoding then go to it as bytes; the tenant
	// processor of the pipelines stamps them and applies its limits as always. Other requests go
	// through the pipelines. Not set, or off: all do.
	Direct component.ID `mapstructure:"direct"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Protocols are the protocols of OTLP.
type Protocols struct {
	// GRPC is OTLP/gRPC. Its endpoint defaults to localhost:4317.
	GRPC configoptional.Optional[configgrpc.ServerConfig] `mapstructure:"grpc"`

	// HTTP is OTLP/HTTP, protobuf and JSON. Its endpoint defaults to localhost:4318.
	HTTP configoptional.Optional[HTTPConfig] `mapstructure:"http"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// HTTPConfig is the configuration of OTLP/HTTP.
type HTTPConfig struct {
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// TracesURLPath is the path that takes traces. Defaults to /v1/traces.
	TracesURLPath URLPath `mapstructure:"traces_url_path,omitempty"`

	// MetricsURLPath is the path that takes metrics. Defaults to /v1/metrics.
	MetricsURLPath URLPath `mapstructure:"metrics_url_path,omitempty"`

	// LogsURLPath is the path that takes logs. Defaults to /v1/logs.
	LogsURLPath URLPath `mapstructure:"logs_url_path,omitempty"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// URLPath is the absolute path of a URL.
type URLPath string

var (
	_ component.Config         = (*Config)(nil)
	_ confmap.Validator        = (*Config)(nil)
	_ confmap.Validator        = (*Protocols)(nil)
	_ encoding.TextUnmarshaler = (*URLPath)(nil)
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *URLPath) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = "" // as an unset environment variable leaves it; Validate rejects it
		return nil
	}
	u, err := url.Parse(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a URL path: %w", text, err)
	}
	if !path.IsAbs(u.Path) {
		u.Path = "/" + u.Path
	}
	*p = URLPath(u.Path)
	return nil
}

// Validate implements confmap.Validator.
func (cfg *Config) Validate() error {
	if cfg.Guard.String() == "" {
		return fmt.Errorf(`"guard" is empty: name an extension, such as request_guard, or set it to %s`, builtInGuard)
	}
	if cfg.isDirect() && cfg.Guard.String() == builtInGuard {
		return fmt.Errorf(`"direct" needs a request_guard extension, which has the limits of requests that are not decoded: set "guard" to its ID instead of %s, or remove "direct"`, builtInGuard)
	}
	return durations.Check(cfg)
}

// isDirect reports whether requests may go to an exporter without being decoded.
func (cfg *Config) isDirect() bool {
	id := cfg.Direct.String()
	return id != "" && id != directOff
}

// Validate implements confmap.Validator.
func (p *Protocols) Validate() error {
	if !p.GRPC.HasValue() && !p.HTTP.HasValue() {
		return errors.New(`"protocols" is empty: set "grpc", "http" or both`)
	}
	var errs []error
	if p.GRPC.HasValue() {
		if err := validateAddress(p.GRPC.Get().NetAddr); err != nil {
			errs = append(errs, fmt.Errorf(`"grpc::endpoint" %w`, err))
		}
	}
	if p.HTTP.HasValue() {
		if err := validateAddress(p.HTTP.Get().ServerConfig.NetAddr); err != nil {
			errs = append(errs, fmt.Errorf(`"http::endpoint" %w`, err))
		}
		errs = append(errs, p.HTTP.Get().validatePaths())
	}
	return errors.Join(errs...)
}

// validateAddress rejects what the net package takes for a random port, on all
// interfaces if the host is missing too: what an unset environment variable leaves.
func validateAddress(addr confignet.AddrConfig) error {
	if strings.TrimSpace(addr.Endpoint) == "" {
		return errors.New("is empty: set host and port, such as localhost:4317")
	}
	switch addr.Transport {
	case confignet.TransportTypeTCP, confignet.TransportTypeTCP4, confignet.TransportTypeTCP6:
	default:
		return nil // a path
	}
	_, port, err := net.SplitHostPort(addr.Endpoint)
	if err != nil {
		return fmt.Errorf("is not a host and port: %w", err)
	}
	if port == "" {
		return fmt.Errorf("%q has no port: set host and port, such as localhost:4317", addr.Endpoint)
	}
	return nil
}

func (cfg *HTTPConfig) validatePaths() error {
	keys := make(map[URLPath]string)
	for _, p := range []struct {
		key  string
		path URLPath
	}{
		{"traces_url_path", cfg.TracesURLPath},
		{"metrics_url_path", cfg.MetricsURLPath},
		{"logs_url_path", cfg.LogsURLPath},
	} {
		if p.path == "" {
			return fmt.Errorf(`"http::%s" is empty: set a path, such as /v1/traces, or remove it`, p.key)
		}
		if other, ok := keys[p.path]; ok {
			return fmt.Errorf(`"http::%s" and "http::%s" are both %q: each signal needs a different path`, other, p.key, p.path)
		}
		keys[p.path] = p.key
	}
	return nil
}
