// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// agentCommands are those for the machine of an agent.
func (a *app) agentCommands() []*cobra.Command {
	var all []*cobra.Command
	for use, short := range map[string]string{
		"setup":  "Set up the agent on this machine (on Linux)",
		"doctor": "Find out why an agent's data does not arrive (on Linux)",
	} {
		all = append(all, &cobra.Command{Use: use, Short: short, DisableFlagParsing: true, RunE: func(*cobra.Command, []string) error {
			return errors.New(use + " is available on Linux only, where agents of PM2 run")
		}})
	}
	return all
}
