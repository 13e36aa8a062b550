// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guardedhttp

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"go.opentelemetry.io/collector/config/confignet"
)

// CheckEndpoint returns an error for an endpoint that the net package takes for a random
// port, on all interfaces if the host is missing too: what an unset environment variable
// leaves. example is a valid one.
func CheckEndpoint(addr confignet.AddrConfig, example string) error {
	if strings.TrimSpace(addr.Endpoint) == "" {
		return fmt.Errorf(`"endpoint" is empty: set host and port, such as %s`, example)
	}
	switch addr.Transport {
	case confignet.TransportTypeTCP, confignet.TransportTypeTCP4, confignet.TransportTypeTCP6:
	default:
		return nil // a path
	}
	_, port, err := net.SplitHostPort(addr.Endpoint)
	if err != nil {
		return fmt.Errorf(`"endpoint" is not a host and port: %w`, err)
	}
	if port == "" {
		return errors.New(`"endpoint" has no port: set host and port, such as ` + example)
	}
	return nil
}
