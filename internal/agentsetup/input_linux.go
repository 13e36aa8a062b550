// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The variables that setup reads and writes.
const (
	varTenant    = "BUSINESS_ID"
	varKey       = "TENANT_KEY"
	varKeyFile   = "TENANT_KEY_FILE"
	varEndpoint  = "GATEWAY_ENDPOINT"
	varPM2Home   = "PM2_HOME"
	varPM2Homes  = "PM2_HOMES"
	varMetrics   = "PM2_METRICS"
	varLogs      = "LOGS_RECEIVERS"
	varMetricsOf = "METRICS_RECEIVERS"
	varDeploy    = "DEPLOY_ENV"
	varState     = "STATE_DIR"
	placeholders = "REPLACE_WITH"
)

// ErrInput is the error of input that cannot be used. Nothing was changed.
var ErrInput = errors.New("the input cannot be used")

// input is what the environment and the key are made of.
type input struct {
	env   envfile.Variables // without the key
	key   string
	notes []string
}

// merge returns the new environment: the present one with what is given.
func merge(present, given envfile.Variables, keyText, endpoint string) (*input, error) {
	in := &input{}
	all := slices.Clone(present)
	for _, v := range given {
		all = all.Set(v.Name, v.Value)
	}
	if endpoint != "" {
		all = all.Set(varEndpoint, endpoint)
	}
	in.key = strings.TrimSpace(keyText)
	if in.key == "" {
		in.key, _ = all.Get(varKey)
	}
	in.env = all.Without(varKey)
	return in, in.check()
}

// check returns all faults of the input at once.
func (in *input) check() error {
	var errs []error
	id, _ := in.env.Get(varTenant)
	if id == "" {
		errs = append(errs, fmt.Errorf("%s is missing: it is the tenant", varTenant))
	} else if err := tenant.ID(id).Validate(); err != nil {
		errs = append(errs, fmt.Errorf("%s is not a tenant: %w", varTenant, err))
	}
	if in.key != "" {
		if err := checkKey(in.key); err != nil {
			errs = append(errs, err)
		}
	}
	endpoint, _ := in.env.Get(varEndpoint)
	o := operate.Onboarding{Endpoint: endpoint}
	if err := o.Check(); err != nil {
		var fault *operate.InputError
		if errors.As(err, &fault) {
			err = fault.Err
		}
		errs = append(errs, fmt.Errorf("%s: %w", varEndpoint, err))
	} else {
		in.env = in.env.Set(varEndpoint, o.Endpoint)
	}
	if metrics, ok := in.env.Get(varMetrics); ok && metrics != "true" && metrics != "false" {
		errs = append(errs, fmt.Errorf("%s must be true or false, not %q", varMetrics, metrics))
	}
	if state, ok := in.env.Get(varState); ok && !filepath.IsAbs(state) {
		errs = append(errs, fmt.Errorf("%s must be an absolute path, not %q", varState, state))
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w", ErrInput, errors.Join(errs...))
	}
	return nil
}

// checkKey returns what is wrong with the text of a key, without the text.
func checkKey(key string) error {
	switch _, err := apikey.ID(key); {
	case err == nil:
		return nil
	case strings.Contains(key, placeholders):
		return fmt.Errorf("%s is a placeholder: `tenantctl onboard TENANT --new-key … -o env` fills in a key", varKey)
	case strings.HasPrefix(key, apikey.Prefix) && len(key) == apikey.Length:
		return fmt.Errorf("%s has a wrong checksum: one of its characters was changed; copy it again", varKey)
	case strings.HasPrefix(key, apikey.Prefix):
		return fmt.Errorf("%s has %d characters instead of %d: copy it again, and nothing else", varKey, len(key), apikey.Length)
	default:
		return fmt.Errorf("%s is not a key, which begins with %s", varKey, apikey.Prefix)
	}
}

// reference finds the variables that a configuration uses.
var reference = regexp.MustCompile(`\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)`)

// otherVariables are those that the program itself, Go and the SDK use.
var otherVariables = regexp.MustCompile(`^(?:OTEL_.*|GO[A-Z0-9]+|(?:HTTPS?|NO|ALL)_PROXY|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR)|TZ|LANG|LC_.*|HOME|PATH|HOST_(?:PROC|SYS|ETC|VAR|RUN|DEV))$`)

// noteUnknown adds a note for each variable that nothing uses.
func (in *input) noteUnknown(configs []string, root string) {
	known := map[string]bool{varTenant: true, varKey: true, varKeyFile: true, varEndpoint: true, varPM2Home: true, varPM2Homes: true, varMetrics: true, varDeploy: true, varState: true}
	for _, path := range configs {
		path = strings.TrimPrefix(path, "file:")
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			continue // the validation reports it
		}
		for _, m := range reference.FindAllSubmatch(data, -1) {
			known[string(m[1])] = true
		}
	}
	for _, v := range in.env {
		if known[v.Name] || otherVariables.MatchString(v.Name) {
			continue
		}
		note := fmt.Sprintf("Nothing uses the variable %s.", v.Name)
		if like := nearest(v.Name, known); like != "" {
			note = fmt.Sprintf("Nothing uses the variable %s. Is %s meant?", v.Name, like)
		}
		in.notes = append(in.notes, note)
	}
}

// nearest returns the known name that differs least, or "".
func nearest(name string, known map[string]bool) (best string) {
	least := 3
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is how many characters must be changed, added or removed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
