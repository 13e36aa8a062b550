// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ErrDeleted is returned for a change of a tenant that was deleted.
var ErrDeleted = errors.New("is deleted")

// Assignment gives a value to a name.
type Assignment struct{ Name, Value string }

// Route gives a signal its destinations. A route without destinations discards
// the signal.
type Route struct {
	Signal       tenant.Signal
	Destinations []string
}

func (r Route) String() string { return r.Signal.String() + "=" + strings.Join(r.Destinations, ",") }

// TenantChange is what changes in a tenant. What it does not name stays.
type TenantChange struct {
	Name      *string          // nil keeps the name
	Isolation tenant.Isolation // empty keeps the isolation

	// Attributes and Vars are set after UnsetAttributes and UnsetVars are
	// removed.
	Attributes, Vars           []Assignment
	UnsetAttributes, UnsetVars []string

	// Routes are set after the routes of the signals UnsetRoutes are removed,
	// which gives these signals the default routes of the gateways.
	Routes      []Route
	UnsetRoutes []tenant.Signal

	// Limits have the names of the registry file, such as "daily_bytes" and
	// "logs.records_per_second".
	Limits []Assignment

	// Destinations, unless they are nil, are those that the gateways have. A
	// route to another one is an error.
	Destinations gatewayconfig.Destinations
}

// CreateTenant adds the tenant with the ID id, active, with shared
// destinations and what c says, and creates the registry if there is none.
func (r *Registry) CreateTenant(ctx context.Context, req Request, id tenant.ID, c TenantChange) (*tenant.Tenant, error) {
	t := &tenant.Tenant{
		ID: id, Status: tenant.StatusActive, Isolation: tenant.IsolationShared,
		Attributes: map[string]string{}, Vars: map[string]string{}, Routes: map[tenant.Signal][]string{},
	}
	if err := id.Validate(); err != nil {
		return nil, err
	}
	// Whatever its routes are: they can change, and the ID cannot.
	if err := tenant.CheckScopeOrgID(string(id)); err != nil {
		return nil, fmt.Errorf("the ID of a tenant %w: choose another ID", err)
	}
	if err := c.check(&req); err != nil {
		return nil, err
	}
	if err := c.apply(t); err != nil {
		return nil, err
	}
	err := r.editOrCreate(ctx, req, ActionTenantCreate, func(d *registryedit.Document) error {
		if err := checkTwin(d, id); err != nil {
			return err
		}
		return d.Add(t)
	})
	if err == nil {
		c.noteVars(&req, t)
	}
	return t, err
}

// noteVars notes the variables that the destinations of t need and t does not have.
func (c *TenantChange) noteVars(req *Request, t *tenant.Tenant) {
	noted := map[string]bool{}
	for _, signal := range tenant.AllSignals() {
		for _, what := range c.Destinations.Missing(t.Routes[signal], t.Vars) {
			if !noted[what] {
				noted[what] = true
				req.note(fmt.Sprintf("%s, which tenant %q does not have: set it with --var.", what, t.ID))
			}
		}
	}
}

// UpdateTenant changes the tenant with the ID id and returns it as it is then.
func (r *Registry) UpdateTenant(ctx context.Context, req Request, id tenant.ID, c TenantChange) (*tenant.Tenant, error) {
	if err := c.check(&req); err != nil {
		return nil, err
	}
	if err := c.checkScopes(id); err != nil {
		return nil, err
	}
	after, err := r.updateTenant(ctx, req, ActionTenantUpdate, id, c.apply)
	if err == nil {
		c.noteVars(&req, after)
	}
	return after, err
}

// SetTenantStatus suspends, resumes or deletes the tenant with the ID id and
// returns it as it is then. A deleted tenant stays deleted.
func (r *Registry) SetTenantStatus(ctx context.Context, req Request, id tenant.ID, status tenant.Status) (*tenant.Tenant, error) {
	action := map[tenant.Status]string{
		tenant.StatusActive: ActionTenantResume, tenant.StatusSuspended: ActionTenantSuspend, tenant.StatusDeleted: ActionTenantDelete,
	}[status]
	if action == "" {
		return nil, malformed("status", "", "must be active, suspended or deleted, not %q", status)
	}
	return r.updateTenant(ctx, req, action, id, func(t *tenant.Tenant) error {
		t.Status = status
		return nil
	})
}

// updateTenant changes one tenant that is not deleted.
func (r *Registry) updateTenant(ctx context.Context, req Request, action string, id tenant.ID, change func(*tenant.Tenant) error) (after *tenant.Tenant, err error) {
	err = r.edit(ctx, req, action, func(d *registryedit.Document) error {
		err := d.Update(id, func(t *tenant.Tenant) error {
			if err := checkNotDeleted(t); err != nil {
				return err
			}
			return change(t)
		})
		if err != nil {
			return err
		}
		after, err = d.Tenant(id)
		return err
	})
	return after, err
}

func checkNotDeleted(t *tenant.Tenant) error {
	if t.Status == tenant.StatusDeleted {
		return fmt.Errorf("tenant %q %w", t.ID, ErrDeleted)
	}
	return nil
}

// check checks what does not depend on the tenant.
func (c *TenantChange) check(req *Request) error {
	switch c.Isolation {
	case "", tenant.IsolationShared, tenant.IsolationDedicated:
	default:
		return malformed("isolation", "", "must be shared or dedicated, not %q", c.Isolation)
	}
	for _, a := range c.Attributes {
		if tenant.LooksLikeIdentity(a.Name) {
			return identityError(a.Name)
		}
	}
	for _, v := range c.Vars {
		if err := checkVariable(v.Name, v.Value); err != nil {
			return &InputError{Field: "vars", Item: v.Name, Err: err}
		}
		note, err := checkReference(v.Name, v.Value)
		if err != nil {
			return &InputError{Field: "vars", Item: v.Name, Malformed: true, Err: err}
		}
		if note != "" {
			req.note(note)
		}
		if audit.SecretInClear(v.Name, v.Value) {
			req.note(fmt.Sprintf("var %s seems to be a secret in clear text; write ${file:PATH} instead.", v.Name))
		}
	}
	if c.Destinations == nil {
		return nil
	}
	for _, route := range c.Routes {
		if err := c.Destinations.Check(route.Signal, route.Destinations); err != nil {
			return &InputError{Field: "routes", Item: route.String(), Err: err}
		}
	}
	return nil
}

// checkScopes returns an error if a route leads to a destination that cannot have a tenant with
// this ID. The registry can have one of an earlier version, or from a file.
func (c *TenantChange) checkScopes(id tenant.ID) error {
	err := tenant.CheckScopeOrgID(string(id))
	if err == nil {
		return nil
	}
	for _, route := range c.Routes {
		for _, name := range route.Destinations {
			if c.Destinations[name].ScopeOrgID {
				return &InputError{Field: "routes", Item: route.String(), Err: fmt.Errorf("the tenant's ID at the destination %q %w: create a tenant with another ID", name, err)}
			}
		}
	}
	return nil
}

// apply changes t. The registry checks names and values when it is written.
func (c *TenantChange) apply(t *tenant.Tenant) error {
	if c.Name != nil {
		t.Name = *c.Name
	}
	if c.Isolation != "" {
		t.Isolation = c.Isolation
	}
	for _, name := range c.UnsetAttributes {
		if err := unset(t.Attributes, name, "attribute"); err != nil {
			return err
		}
	}
	for _, name := range c.UnsetVars {
		if err := unset(t.Vars, name, "var"); err != nil {
			return err
		}
	}
	for _, a := range c.Attributes {
		t.Attributes[a.Name] = a.Value
	}
	for _, v := range c.Vars {
		t.Vars[v.Name] = v.Value
	}
	for _, s := range c.UnsetRoutes {
		delete(t.Routes, s)
	}
	for _, route := range c.Routes {
		t.Routes[route.Signal] = append([]string{}, route.Destinations...)
	}
	for _, l := range c.Limits {
		if err := setLimit(&t.Limits, l.Name, l.Value); err != nil {
			return &InputError{Field: "limits", Item: l.Name + "=" + l.Value, Malformed: true, Err: err}
		}
	}
	return nil
}

func unset(m map[string]string, name, what string) error {
	if _, ok := m[name]; !ok {
		return fmt.Errorf("there is no %s %q to remove", what, name)
	}
	delete(m, name)
	return nil
}

// checkVariable returns why no destination can use the value. The gateway checks
// what a reference contains.
func checkVariable(name, value string) error {
	if reference.Has(value) {
		return nil
	}
	return tenant.CheckVariable(name, value)
}

// checkReference returns an error for references that no gateway resolves, and a
// note about those that a gateway resolves only if it is configured to.
func checkReference(name, value string) (note string, err error) {
	if !reference.Has(value) {
		return "", nil
	}
	if err := reference.Check(value); err != nil {
		return "", err
	}
	usual := reference.Policy{Directories: []string{reference.DefaultDirectory}, EnvPrefixes: []string{reference.DefaultEnvPrefix}}
	if err := usual.Check(value); err != nil {
		return fmt.Sprintf("var %s: by default, gateways read only files in %s and variables that begin with %s; allow others in the settings references of tenant_routing.",
			name, reference.DefaultDirectory, reference.DefaultEnvPrefix), nil
	}
	return "", nil
}

// setLimit sets one limit by its name in the registry file.
func setLimit(l *tenant.Limits, name, value string) (err error) {
	signalName, rate, perSignal := strings.Cut(name, ".")
	var s tenant.Signal
	if perSignal {
		if s, err = tenant.ParseSignal(signalName); err != nil {
			return err
		}
	}
	known := true
	switch {
	case perSignal && rate == "records_per_second":
		l.Rates[s].RecordsPerSecond, err = parseCount(value)
	case perSignal && rate == "bytes_per_second":
		l.Rates[s].BytesPerSecond, err = parseSize(value)
	case perSignal:
		known, err = setQuota(&l.Quotas[s], rate, value)
	case name == "burst":
		l.Burst, err = time.ParseDuration(value)
	default:
		total := l.Total()
		known, err = setQuota(&total, name, value)
		l.SetTotal(total)
	}
	if !known {
		return fmt.Errorf("there is no limit %q; limits are burst, daily_records, daily_bytes, monthly_records and monthly_bytes, the last four also for a signal, "+
			"such as logs.daily_bytes, and records_per_second and bytes_per_second of a signal, such as logs.records_per_second", name)
	}
	return err
}

// setQuota reports false if there is no quota with the name.
func setQuota(q *tenant.Quota, name, value string) (known bool, err error) {
	switch name {
	case "daily_records":
		q.DailyRecords, err = parseCount(value)
	case "daily_bytes":
		q.DailyBytes, err = parseSize(value)
	case "monthly_records":
		q.MonthlyRecords, err = parseCount(value)
	case "monthly_bytes":
		q.MonthlyBytes, err = parseSize(value)
	default:
		return false, nil
	}
	return true, err
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number of records such as 5000", text)
	}
	return n, nil
}

func parseSize(text string) (int64, error) {
	var size bytesize.Size
	err := size.UnmarshalText([]byte(text))
	return int64(size), err
}
