// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
)

// gatewayConfigEnv names the environment variable with the default of --gateway-config.
const gatewayConfigEnv = "TENANTCTL_GATEWAY_CONFIG"

func registerGatewayConfig(flags *pflag.FlagSet, to *[]string) {
	flags.StringArrayVar(to, "gateway-config", nil,
		"configuration `FILE` of the gateways with the destinations that routes may name; can be repeated like --config; empty checks none; default $"+gatewayConfigEnv)
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
