// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// DocsURL is the page that describes all rules. The fragment of a rule is its ID in small letters.
const DocsURL = "https://github.com/otelcol-tenant/otelcol-tenant/blob/main/docs/lint.md"

// Rule is one thing that is checked.
type Rule struct {
	// ID does not change, and is not used again if the rule is removed.
	ID string
	// Family groups rules on the page that describes them.
	Family   Family
	Severity finding.Severity
	// Title describes the fault in a few words.
	Title string
	// Why is what happens with the fault, in sentences.
	Why string
	// Fix is what to do, in the imperative.
	Fix string
	// Refused is whether `otelcol-tenant validate` rejects the configuration for the same reason.
	Refused bool

	// roles are those of the configurations that are checked; none: all.
	roles []Role
	check func(c *config, report reporter)
}

// Docs returns the URL of the description of r.
func (r *Rule) Docs() string { return DocsURL + "#" + fragment(r.ID) }

func (r *Rule) appliesTo(role Role) bool { return len(r.roles) == 0 || slices.Contains(r.roles, role) }

// reporter records a finding at the setting v, whose path is key. If the setting does not exist,
// v is the setting that should contain it.
type reporter func(v *value, key, format string, args ...any)

// Family is a group of rules.
type Family string

// The families, in the order of the page that describes them.
const (
	FamilyStructure Family = "Structure"
	FamilyTransport Family = "Transport"
	FamilyIdentity  Family = "Identity and admission"
	FamilySecrets   Family = "Secrets"
	FamilyExposure  Family = "Exposure"
	FamilyLoss      Family = "Loss of data"
	FamilyRoutes    Family = "Routes and destinations"
	FamilyRegistry  Family = "Registry"
	FamilyGateways  Family = "Several gateways"
	FamilyLinter    Family = "Suppressions"
)

// Rules returns all rules, ordered by ID.
func Rules() []Rule {
	return slices.Concat(
		structureRules(), transportRules(), identityRules(), secretRules(), exposureRules(), lossRules(),
		routeRules(), registryRules(), gatewaysRules(), linterRules(),
	)
}

// fragment returns the anchor of a rule in the page that describes it.
func fragment(id string) string { return strings.ToLower(id) }
