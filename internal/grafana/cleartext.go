// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"fmt"
	"net/netip"
	"strings"
)

// ClearTextError is the error for a URL without TLS of another machine, unless [Settings].Insecure
// permits it.
type ClearTextError struct{ Host string }

// Error implements error.
func (e *ClearTextError) Error() string {
	return fmt.Sprintf("http sends the credentials of Grafana in clear text: use https://%s; http is for loopback addresses only", e.Host)
}

func loopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}
