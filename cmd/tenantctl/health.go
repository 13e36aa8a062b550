// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthclient"
)

// healthEndpointEnv is the variable of the shipped configurations for the address of /health.
const healthEndpointEnv = "HEALTH_ENDPOINT"

func (a *app) healthCommand() *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use:   "health [URL]",
		Short: "Check whether a collector on this machine is healthy",
		Long: `Request a health endpoint and print its status and reasons. The exit status is 0 if
the answer is 200, and otherwise 1. Images without a shell use it as their health
check. Without URL it is /health at $` + healthEndpointEnv + `, by default 127.0.0.1:13133,
and with --live /health/live, which answers while the process runs.`,
		Example: `  tenantctl health
  tenantctl health --live
  tenantctl health http://127.0.0.1:13133/health -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return usagef("health takes one URL or none, got %d arguments", len(args))
			case len(args) == 1 && live:
				return usagef("--live is for the health endpoint of a collector: use it without a URL")
			case len(args) == 1:
				if u, err := url.Parse(args[0]); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
					return usagef("URL must begin with http:// or https://, not %q", args[0])
				}
			}
			return nil
		},
		ValidArgsFunction: words(),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := healthURL(args, live)
			if err != nil {
				return err
			}
			h, err := healthclient.Get(cmd.Context(), address)
			if err != nil {
				return err
			}
			if err := a.print(h, func(w io.Writer) error { return writeHealth(w, h) }); err != nil {
				return err
			}
			if !h.Healthy() {
				return fmt.Errorf("%s answers %d", h.URL, h.Code)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&live, "live", false, "only check that the process runs")
	return c
}

// healthURL returns the argument, or the URL of this machine's collector.
func healthURL(args []string, live bool) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	endpoint := os.Getenv(healthEndpointEnv)
	if endpoint == "" {
		endpoint = "127.0.0.1:13133"
	}
	path := "/health"
	if live {
		path = "/health/live"
	}
	address, err := healthclient.URL(endpoint, path)
	if err != nil {
		return "", usagef("%s must be HOST:PORT: %w", healthEndpointEnv, err)
	}
	return address, nil
}

func writeHealth(w io.Writer, h *healthclient.Answer) error {
	text := h.Status
	if text == "" {
		text = fmt.Sprintf("answers %d", h.Code)
	}
	if len(h.Reasons) > 0 {
		text += ": " + strings.Join(h.Reasons, ", ")
	}
	_, err := fmt.Fprintln(w, printable(text))
	return err
}
