// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import "github.com/spf13/cobra"

// agentCommands are those for the machine of an agent.
func (a *app) agentCommands() []*cobra.Command {
	return []*cobra.Command{a.setupCommand(), a.doctorCommand()}
}
