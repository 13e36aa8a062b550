// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// The labels with which a service states its role and its exceptions.
const (
	roleLabel  = "otelcol-tenant.role"
	allowLabel = "otelcol-tenant.allow"
)

// Fault is a violation of a rule.
type Fault struct {
	// Service is the service, or empty if the fault is about the whole file.
	Service string
	// Rule is the name of the rule, for the label otelcol-tenant.allow.
	Rule string
	// Text says what is wrong.
	Text string
}

// String returns service, rule and text.
func (f Fault) String() string {
	if f.Service == "" {
		return f.Rule + ": " + f.Text
	}
	return f.Service + ": " + f.Rule + ": " + f.Text
}

// Check loads DIR/compose.yaml with the variables of DIR/.env.example and all profiles, and
// returns every violation of a rule. The error is that of loading.
func Check(ctx context.Context, dir string) ([]Fault, error) {
	project, err := load(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	var faults []Fault
	for _, r := range projectRules() {
		for _, text := range r.check(project) {
			faults = append(faults, Fault{Rule: r.name, Text: text})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := service{ServiceConfig: project.Services[name], project: project}
		allowed := strings.Fields(s.Labels[allowLabel])
		for _, r := range serviceRules() {
			texts := r.check(s)
			if slices.Contains(allowed, r.name) {
				if len(texts) == 0 {
					faults = append(faults, Fault{name, "allow", fmt.Sprintf("%s is allowed and not needed: remove it from the label %s", r.name, allowLabel)})
				}
				continue
			}
			for _, text := range texts {
				faults = append(faults, Fault{name, r.name, text})
			}
		}
		for _, a := range allowed {
			if !slices.ContainsFunc(serviceRules(), func(r serviceRule) bool { return r.name == a }) {
				faults = append(faults, Fault{name, "allow", fmt.Sprintf("there is no rule %q", a)})
			}
		}
	}
	return faults, nil
}

func load(ctx context.Context, dir string) (*types.Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")},
		cli.WithWorkingDirectory(dir),
		cli.WithEnvFiles(filepath.Join(dir, ".env.example")),
		cli.WithDotEnv, // not of this process: its environment must not change the result
		cli.WithProfiles([]string{"*"}),
		cli.WithInterpolation(true),
		cli.WithResolvedPaths(true),
	)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx)
}

// service is a service with its project.
type service struct {
	types.ServiceConfig
	project *types.Project
}

func (s service) isIngress() bool { return s.Labels[roleLabel] == "ingress" }

func (s service) isJob() bool { return s.Labels[roleLabel] == "job" }
