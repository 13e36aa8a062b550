package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// gatewayConfigEnv names the environment variable with the default of --gateway-config.
const gatewayConfigEnv = "TENANTCTL_GATEWAY_CONFIG"

func registerGatewayConfig(flags *pflag.FlagSet, to *[]string) {
	flags.StringArrayVar(to, "gateway-config", nil,
		"configuration `FILE` of the gateways, in which destinations of routes are looked up; repeat as for --config; empty checks none; default $"+gatewayConfigEnv)
}

// readGatewayConfig returns the destinations that gateways have, or nil if no
// configuration is given.
func readGatewayConfig(files []string) (gatewayconfig.Destinations, error) {
	if files == nil {
		files = filepath.SplitList(os.Getenv(gatewayConfigEnv))
	}
	files = slices.DeleteFunc(slices.Clone(files), func(path string) bool { return path == "" })
	if len(files) == 0 {
		return nil, nil
	}
	destinations, err := gatewayconfig.Read(files...)
	if err != nil {
		// Not wrapped: a missing file is not a missing registry.
		return nil, errors.New("--gateway-config: " + err.Error())
	}
	return destinations, nil
}

// checkRoutes refuses routes on which data would not get anywhere.
func (f *tenantFlags) checkRoutes(t *tenant.Tenant) error {
	if len(f.routes) == 0 {
		return nil
	}
	destinations, err := readGatewayConfig(f.gatewayConfig)
	if err != nil || destinations == nil {
		return err
	}
	for _, text := range f.routes {
		name, _, _ := strings.Cut(text, "=")
		signal, err := tenant.ParseSignal(name)
		if err != nil {
			return err
		}
		if err := destinations.Check(signal, t.Routes[signal]); err != nil {
			return fmt.Errorf("--route %s: %w", text, err)
		}
	}
	return nil
}

// routeWarnings returns what is wrong with the routes of t.
func routeWarnings(t *tenant.Tenant, destinations gatewayconfig.Destinations) (warnings []string) {
	for _, signal := range tenant.AllSignals() {
		for _, name := range t.Routes[signal] {
			if err := destinations.Check(signal, []string{name}); err != nil {
				warnings = append(warnings, fmt.Sprintf("tenant %s: route of %s: %v", t.ID, signal, err))
			}
		}
	}
	return warnings
}
