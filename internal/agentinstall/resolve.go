// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentinstall

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
)

// Resolve returns the configuration that a collector with these --config flags and this environment has.
func Resolve(ctx context.Context, configs []string, env map[string]string) (*confmap.Conf, error) {
	r, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: configs,
		ProviderFactories: []confmap.ProviderFactory{
			fileprovider.NewFactory(), yamlprovider.NewFactory(),
			confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return variables(env) }),
		},
		DefaultScheme: "env",
	})
	if err != nil {
		return nil, err
	}
	conf, err := r.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	return conf, r.Shutdown(ctx)
}

// variables is the provider of ${env:NAME} with the environment of another process.
type variables map[string]string

// Retrieve implements confmap.Provider. It does what the provider of the collector does.
func (v variables) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, fallback, hasFallback := strings.Cut(strings.TrimPrefix(uri, "env:"), ":-")
	value, set := v[name]
	if !set {
		if hasFallback && fallback == "" {
			return confmap.NewRetrieved("")
		}
		value = fallback
	}
	return confmap.NewRetrievedFromYAML([]byte(value))
}

// Scheme implements confmap.Provider.
func (variables) Scheme() string { return "env" }

// Shutdown implements confmap.Provider.
func (variables) Shutdown(context.Context) error { return nil }
