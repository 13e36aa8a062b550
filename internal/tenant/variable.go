package tenant

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The variables that tell tenants apart at VictoriaMetrics, VictoriaLogs and
// VictoriaTraces, whose profiles read them.
const (
	VarAccountID = "account_id"
	VarProjectID = "project_id"
)

// CheckAccount returns an error unless value is what VictoriaMetrics, VictoriaLogs and
// VictoriaTraces take for an account or project: they refuse all data of any other, and
// store what has none as that of account 0.
func CheckAccount(value string) error {
	if _, err := strconv.ParseUint(value, 10, 32); err != nil {
		return errors.New("must be a whole number from 0 to 4294967295")
	}
	return nil
}

// CheckScopeOrgID returns an error unless value is a tenant ID to Loki, Tempo, Mimir and
// Cortex. Of several IDs with "|" between they take queries, but no data.
func CheckScopeOrgID(value string) error {
	switch {
	case value == "":
		return errors.New("must not be empty: without a tenant no data is taken, or it is taken as that of nobody")
	case value == "__mimir_cluster":
		return errors.New("must not be __mimir_cluster, which Mimir keeps for itself")
	case ID(value).Validate() != nil:
		return fmt.Errorf(`must be a tenant ID: 1 to %d letters, digits and !_.*'()-, and not "." or ".."`, MaxIDLength)
	}
	return nil
}

// CheckVariable returns what is wrong with the value of a variable wherever a
// destination uses it, or with the value of one that profiles of backends read. A value
// with references is not looked at.
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
