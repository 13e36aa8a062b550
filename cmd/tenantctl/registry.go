package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// soon is how long before its end a key is worth a warning.
const soon = 14 * 24 * time.Hour

func (a *app) registryCommand() *cobra.Command {
	return group("registry", "Check, copy and move the registry as a whole",
		a.registryValidate(), a.registryExport(), a.registryImport(), a.registryMigrate(), a.registryAcceptRestore())
}

// verdict is the outcome of a check.
type verdict struct {
	Valid    bool        `json:"valid"`
	Tenants  int         `json:"tenants"`
	Keys     int         `json:"keys"`
	Hash     string      `json:"hash,omitempty"`
	Faults   []faultView `json:"faults"`
	Warnings []string    `json:"warnings"`
}

type faultView struct {
	Line   int    `json:"line"`
	Tenant string `json:"tenant,omitempty"`
	Path   string `json:"path,omitempty"`
	Reason string `json:"reason"`
}

var errInvalid = errors.New("the registry is not valid, a gateway would stay with its last good one")

func (a *app) registryValidate() *cobra.Command {
	var gatewayConfig []string
	c := &cobra.Command{
		Use:   "validate",
		Short: "Tell whether gateways would take the registry as it is",
		Long: `Check the registry as a gateway does, and tell every fault with its line. Warnings
are about things that are valid but rarely meant: tenants without a usable key,
keys that end within two weeks, secrets in clear, and with --gateway-config routes
to destinations that the gateways do not have. The exit status is 1 if the registry
is not valid.`,
		Example: `  tenantctl registry validate
  tenantctl --registry ./tenants.yaml registry validate -o json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.store()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), storeTimeout)
			defer cancel()
			data, err := s.read(ctx)
			if err != nil {
				return err
			}
			destinations, err := readGatewayConfig(gatewayConfig)
			if err != nil {
				return err
			}
			v := verdict{Faults: []faultView{}, Warnings: []string{}}
			snapshot, err := registryfile.Parse(data)
			var faults registryfile.Faults
			switch {
			case errors.As(err, &faults):
				for _, f := range faults {
					v.Faults = append(v.Faults, faultView(f))
				}
			case err != nil:
				return err
			default:
				v.describe(snapshot, a.now())
				v.checkRoutes(snapshot, destinations)
			}
			if err := a.print(v, func(w io.Writer) error { return v.write(w, s) }); err != nil {
				return err
			}
			if !v.Valid {
				return errInvalid
			}
			return nil
		},
	}
	registerGatewayConfig(c.Flags(), &gatewayConfig)
	return c
}

// checkRoutes does nothing if no destinations are known.
func (v *verdict) checkRoutes(s *tenant.Snapshot, destinations gatewayconfig.Destinations) {
	if destinations == nil {
		return
	}
	for t := range s.Tenants() {
		if t.Status != tenant.StatusDeleted {
			v.Warnings = append(v.Warnings, routeWarnings(t, destinations)...)
		}
	}
}

func (v *verdict) describe(s *tenant.Snapshot, now time.Time) {
	v.Valid, v.Tenants, v.Hash = true, s.Len(), s.Hash()
	warn := func(format string, args ...any) { v.Warnings = append(v.Warnings, fmt.Sprintf(format, args...)) }
	for _, pair := range s.Twins() {
		warn("tenants %s and %s differ in case only: file systems that ignore it take them for the same", pair[0], pair[1])
	}
	for t := range s.Tenants() {
		v.Keys += len(t.Keys)
		if t.Status == tenant.StatusDeleted {
			continue
		}
		usable := false
		for _, k := range t.Keys {
			if keyState(k, now) != "active" {
				continue
			}
			usable = true
			if !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < soon {
				warn("tenant %s: key %s expires at %s", t.ID, k.ID, viewTime(k.ExpiresAt))
			}
		}
		if !usable && t.Status == tenant.StatusActive {
			warn("tenant %s has no usable key", t.ID)
		}
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			if tenant.LooksLikeIdentity(name) {
				warn("tenant %s: %v", t.ID, lookalikeError(name))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(t.Vars)) {
			if err := checkVariable(name, t.Vars[name]); err != nil {
				warn("tenant %s: var %s: %v", t.ID, name, err)
			}
			if err := reference.Check(t.Vars[name]); err != nil {
				warn("tenant %s: var %s: %v", t.ID, name, err)
			}
			if audit.SecretInClear(name, t.Vars[name]) {
				warn("tenant %s: var %s seems to be a secret in clear, write ${file:PATH} instead", t.ID, name)
			}
		}
	}
}

func (v *verdict) write(w io.Writer, at store) error {
	for _, f := range v.Faults {
		if _, err := fmt.Fprintf(w, "%v: %v\n", at, registryfile.Fault(f)); err != nil {
			return err
		}
	}
	for _, text := range v.Warnings {
		if _, err := fmt.Fprintf(w, "warning: %s\n", text); err != nil {
			return err
		}
	}
	if !v.Valid {
		return nil
	}
	_, err := fmt.Fprintf(w, "%v is valid: %d tenants, %d keys\n", at, v.Tenants, v.Keys)
	return err
}
