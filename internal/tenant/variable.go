// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The variables that identify tenants at VictoriaMetrics, VictoriaLogs and VictoriaTraces.
// Their profiles read them.
const (
	VarAccountID = "account_id"
	VarProjectID = "project_id"
)

// CheckAccount returns an error unless value is an account or project ID to
// VictoriaMetrics, VictoriaLogs and VictoriaTraces. They reject all data with another value
// and store data without one in account 0.
func CheckAccount(value string) error {
	if _, err := strconv.ParseUint(value, 10, 32); err != nil {
		return errors.New("must be a whole number from 0 to 4294967295")
	}
	return nil
}

// ReservedScopeOrgIDs returns the names that Loki, Tempo, Mimir and Cortex have for files of their own
// beside the folders of tenants in the same place, and whose each is. A tenant of such a name would
// share its folder with the index of all tenants, for example.
func ReservedScopeOrgIDs() map[string]string {
	return map[string]string{
		"index": "Loki", "bloom": "Loki", "loki_cluster_seed.json": "Loki",
		"tempo_cluster_seed.json": "Tempo", "work.json": "Tempo",
		"__mimir_cluster": "Mimir",
		"__markers__":     "Cortex", "user-index.json.gz": "Cortex",
	}
}

// CheckScopeOrgID returns an error unless value is a tenant ID to Loki, Tempo, Mimir and
// Cortex. They accept several IDs joined by "|" in queries, but not with data.
func CheckScopeOrgID(value string) error {
	switch {
	case value == "":
		return errors.New("must not be empty: backends reject data without a tenant, or store it without one")
	case ID(value).Validate() != nil:
		return fmt.Errorf(`must be a tenant ID: 1 to %d letters, digits and !_.*'()-, and not "." or ".."`, MaxIDLength)
	}
	if owner, ok := ReservedScopeOrgIDs()[value]; ok {
		return fmt.Errorf("must not be %s, which %s reserves for files of its own", value, owner)
	}
	return nil
}

// CheckVariable returns an error if no destination can use value for the variable name. It
// does not check a value with references.
func CheckVariable(name, value string) error {
	switch {
	case value == "":
		return errors.New("must not be empty: a header or URL without it means another tenant, or none")
	case strings.TrimSpace(value) != value:
		return errors.New("must not begin or end with a space, which is not sent")
	case name == VarAccountID || name == VarProjectID:
		return CheckAccount(value)
	}
	return nil
}
