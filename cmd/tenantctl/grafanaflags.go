// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/otelcol-tenant/otelcol-tenant/internal/dashboards"
	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The environment variables with the defaults of flags for Grafana.
const (
	grafanaURLEnv         = "TENANTCTL_GRAFANA_URL"
	grafanaCredentialsEnv = "TENANTCTL_GRAFANA_CREDENTIALS_FILE"
	grafanaCAEnv          = "TENANTCTL_GRAFANA_CA_FILE"
	grafanaSourcesEnv     = "TENANTCTL_GRAFANA_SOURCES"
	grafanaInsecureEnv    = "TENANTCTL_GRAFANA_INSECURE"
)

// grafanaFlags are the flags about Grafana.
type grafanaFlags struct {
	address, credentialsFile, caFile string
	sources, viewers                 []string
	dashboards                       string
	adopt, insecure                  bool
}

// register adds the flags that find Grafana and the tenant's organization.
func (f *grafanaFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "grafana-url", "", "`URL` of Grafana; default $"+grafanaURLEnv)
	flags.StringVar(&f.credentialsFile, "grafana-credentials-file", "", "`FILE` with USER:PASSWORD of a server administrator of Grafana; default $"+grafanaCredentialsEnv)
	flags.StringVar(&f.caFile, "grafana-ca-file", "", "`FILE` with the certificates that sign Grafana's; default $"+grafanaCAEnv+", or those of the system")
	flags.BoolVar(&f.insecure, "grafana-insecure", false, "send the credentials over http:// to other machines too, in a network of only trusted machines; default $"+grafanaInsecureEnv)
	flags.BoolVar(&f.adopt, "adopt", false, "use an organization with the tenant's name that may belong to others")
}

// registerPlan adds the flags that describe what a tenant gets.
func (f *grafanaFlags) registerPlan(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.sources, "grafana-source", nil, "data source `KIND=URL` ("+strings.Join(grafana.SourceKinds(), ", ")+"); can be repeated; default $"+grafanaSourcesEnv+", separated by spaces")
	flags.StringArrayVar(&f.viewers, "grafana-viewer", nil, "`LOGIN` or e-mail address of a user who may look at the tenant's data, and is created if there is none; can be repeated")
	flags.StringVar(&f.dashboards, "grafana-dashboards", "", "`DIR` with the models of dashboards, *.json, instead of those in this program")
}

// url returns the URL of Grafana, or "" if none is given.
func (f *grafanaFlags) url() string {
	return orEnv(f.address, grafanaURLEnv)
}

func orEnv(value, name string) string {
	if value == "" {
		return os.Getenv(name)
	}
	return value
}

func (f *grafanaFlags) client() (*grafana.Client, error) {
	file := orEnv(f.credentialsFile, grafanaCredentialsEnv)
	if file == "" {
		return nil, usagef("no credentials of Grafana are given: use --grafana-credentials-file FILE, or set %s", grafanaCredentialsEnv)
	}
	credentials, err := grafana.ReadCredentials(file)
	if err != nil {
		return nil, err
	}
	insecure := f.insecure
	if text := os.Getenv(grafanaInsecureEnv); text != "" && !insecure {
		if insecure, err = strconv.ParseBool(text); err != nil {
			return nil, usagef("%s must be true or false, got %q", grafanaInsecureEnv, text)
		}
	}
	client, err := grafana.New(grafana.Settings{URL: f.url(), Credentials: credentials, CAFile: orEnv(f.caFile, grafanaCAEnv), Insecure: insecure})
	if clear := (*grafana.ClearTextError)(nil); errors.As(err, &clear) {
		return nil, fmt.Errorf("%w, or a network of only trusted machines with --grafana-insecure", err)
	}
	return client, err
}

// plan returns what the flags say about the tenant.
func (f *grafanaFlags) plan(t *tenant.Tenant) (grafana.Plan, error) {
	texts := f.sources
	if texts == nil {
		texts = strings.Fields(os.Getenv(grafanaSourcesEnv))
	}
	if len(texts) == 0 {
		return grafana.Plan{}, usagef("no data source is given: use --grafana-source KIND=URL, or set %s", grafanaSourcesEnv)
	}
	plan := grafana.Plan{Tenant: t, Viewers: f.viewers, Adopt: f.adopt}
	for _, text := range texts {
		source, err := grafana.ParseSource(text)
		if err != nil {
			return grafana.Plan{}, usagef("--grafana-source: %w", err)
		}
		plan.Sources = append(plan.Sources, source)
	}
	var err error
	if plan.Organization, err = organizationOf(t); err != nil {
		return grafana.Plan{}, err
	}
	plan.Dashboards, err = f.readDashboards()
	return plan, err
}

// readDashboards returns the dashboards of a folder. The name of a file is the UID.
func (f *grafanaFlags) readDashboards() ([]grafana.Dashboard, error) {
	if f.dashboards == "" {
		return builtInDashboards(), nil
	}
	files, err := filepath.Glob(filepath.Join(f.dashboards, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, usagef("--grafana-dashboards: there is no file *.json in %s", f.dashboards)
	}
	var all []grafana.Dashboard
	for _, file := range files {
		model, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, grafana.Dashboard{UID: strings.TrimSuffix(filepath.Base(file), ".json"), JSON: model})
	}
	return all, nil
}

// builtInDashboards returns the dashboards of a tenant that are part of this program.
func builtInDashboards() (all []grafana.Dashboard) {
	for _, d := range dashboards.Tenant() {
		all = append(all, grafana.Dashboard{UID: d.UID, JSON: d.JSON})
	}
	return all
}
