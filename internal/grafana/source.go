// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// tenantPlaceholder is replaced by the tenant's ID in the URL of a source.
const tenantPlaceholder = "{tenant}"

// Source is a backend that a tenant queries.
type Source struct {
	// Kind is one of [SourceKinds], such as "loki".
	Kind string
	// URL is the backend's as Grafana reaches it. {tenant} in it is the tenant's ID.
	URL string
}

// kind is how Grafana queries one kind of backend.
type kind struct {
	name       string // of the data source, for people
	plugin     string // Grafana's type
	path       string // what Grafana needs after the URL of the backend
	header     string // which selects the tenant; empty: the URL does
	value      func(t *tenant.Tenant) (string, error)
	isDefault  bool
	additional map[string]any // settings of the plugin
}

// kinds are the kinds of backends by name, which are those of the profiles of destinations.
func kinds() map[string]kind {
	const orgID, account = "X-Scope-OrgID", "AccountID"
	return map[string]kind{
		"loki": {name: "Logs", plugin: "loki", header: orgID, value: scope, additional: map[string]any{
			// Without derived fields a trace ID in a log record is no link.
			"derivedFields": []any{map[string]any{
				"name": "trace_id", "matcherType": "label", "matcherRegex": "trace_id", "url": "${__value.raw}", "datasourceUid": SourceUID("tempo"), "urlDisplayLabel": "Trace",
			}},
		}},
		"mimir":  {name: "Metrics", plugin: "prometheus", path: "/prometheus", header: orgID, value: scope, isDefault: true, additional: prometheus("Mimir")},
		"cortex": {name: "Metrics", plugin: "prometheus", path: "/prometheus", header: orgID, value: scope, isDefault: true, additional: prometheus("Cortex")},
		"tempo": {name: "Traces", plugin: "tempo", header: orgID, value: scope, additional: map[string]any{
			"tracesToLogsV2": map[string]any{"datasourceUid": SourceUID("loki"), "filterByTraceID": true, "spanStartTimeShift": "-10m", "spanEndTimeShift": "10m"},
			"serviceMap":     map[string]any{"datasourceUid": SourceUID("mimir")},
			"nodeGraph":      map[string]any{"enabled": true},
		}},
		"prometheus":      {name: "Metrics", plugin: "prometheus", isDefault: true, additional: prometheus("Prometheus")},
		"victoriametrics": {name: "Metrics", plugin: "prometheus", isDefault: true, additional: prometheus("")},
		"victorialogs":    {name: "Logs", plugin: "victoriametrics-logs-datasource", header: account, value: accountID},
		"victoriatraces":  {name: "Traces", plugin: "jaeger", path: "/select/jaeger", header: account, value: accountID},
	}
}

func prometheus(flavor string) map[string]any {
	settings := map[string]any{"httpMethod": "POST", "timeInterval": "60s"}
	if flavor != "" {
		settings["prometheusType"] = flavor
	}
	return settings
}

func scope(t *tenant.Tenant) (string, error) {
	return string(t.ID), tenant.CheckScopeOrgID(string(t.ID))
}

func accountID(t *tenant.Tenant) (string, error) {
	value, ok := t.Vars[tenant.VarAccountID]
	if !ok {
		return "", fmt.Errorf("the tenant has no variable %s: set it with tenantctl tenant update %s --var %s=NUMBER", tenant.VarAccountID, t.ID, tenant.VarAccountID)
	}
	return value, tenant.CheckAccount(value)
}

// SourceKinds returns the names of all kinds of sources, sorted.
func SourceKinds() []string { return slices.Sorted(maps.Keys(kinds())) }

// SourceUID returns the UID of the data source for a kind. It is the same in each
// organization, because UIDs are unique within one, so that the same dashboards fit all.
// Sources of the same signal have the same UID.
func SourceUID(name string) string {
	switch name {
	case "loki", "victorialogs":
		return "tenant-logs"
	case "tempo", "victoriatraces":
		return "tenant-traces"
	default:
		return "tenant-metrics"
	}
}

var hostLabel = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$`)

// address returns the URL of a source for a tenant.
func (s Source) address(k kind, t *tenant.Tenant) (string, error) {
	if k.header == "" && !strings.Contains(s.URL, tenantPlaceholder) {
		return "", fmt.Errorf("%s has no tenants, and its URL is the same for all of them: each tenant would see the data of all. Give a URL with %s, such as http://%s.%s.example, or a backend with tenants", s.Kind, tenantPlaceholder, tenantPlaceholder, s.Kind)
	}
	scheme, rest, ok := strings.Cut(s.URL, "://")
	if !ok || (scheme != "http" && scheme != "https") {
		return "", errors.New("the URL must begin with https:// or http://")
	}
	host, path, _ := strings.Cut(rest, "/")
	if strings.Contains(host, tenantPlaceholder) && !hostLabel.MatchString(string(t.ID)) {
		return "", fmt.Errorf("the tenant's ID %q cannot be part of a host name: put %s into the path", t.ID, tenantPlaceholder)
	}
	host = strings.ReplaceAll(host, tenantPlaceholder, string(t.ID))
	path = strings.ReplaceAll(path, tenantPlaceholder, url.PathEscape(string(t.ID)))
	text := strings.TrimSuffix(scheme+"://"+host+"/"+path, "/")
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "", errors.New("the URL is not valid")
	case u.User != nil:
		return "", errors.New("the URL must not contain a user or a password")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the URL must not have a query or a fragment")
	}
	return text + k.path, nil
}

// ParseSource parses KIND=URL.
func ParseSource(text string) (Source, error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok {
		return Source{}, fmt.Errorf("must be KIND=URL, such as loki=http://loki:3100, not %q", text)
	}
	if _, ok := kinds()[name]; !ok {
		return Source{}, fmt.Errorf("there is no kind %q of data source: use one of %s", name, strings.Join(SourceKinds(), ", "))
	}
	if address == "" {
		return Source{}, fmt.Errorf("%s has no URL", name)
	}
	return Source{Kind: name, URL: address}, nil
}

// dataSource is a data source in the form of Grafana's API.
type dataSource struct {
	UID            string            `json:"uid"`
	Name           string            `json:"name"`
	Type           string            `json:"type"`
	URL            string            `json:"url"`
	Access         string            `json:"access"`
	IsDefault      bool              `json:"isDefault"`
	JSONData       map[string]any    `json:"jsonData"`
	SecureJSONData map[string]string `json:"secureJsonData,omitempty"`

	// OrganizationID and ReadOnly are only in answers.
	OrganizationID int64 `json:"orgId,omitempty"`
	ReadOnly       bool  `json:"readOnly,omitempty"`
}

// markKey is the setting of a data source that names its tenant. Grafana keeps settings that
// it does not know.
const markKey = "otelcolTenant"

// mark returns the tenant whose data source d is, or "".
func (d *dataSource) mark() string {
	text, _ := d.JSONData[markKey].(string)
	return text
}

// dataSources returns the data sources of a tenant.
func dataSources(t *tenant.Tenant, sources []Source) ([]dataSource, error) {
	var all []dataSource
	used := map[string]string{}
	for _, s := range sources {
		k, ok := kinds()[s.Kind]
		if !ok {
			return nil, fmt.Errorf("there is no kind %q of data source: use one of %s", s.Kind, strings.Join(SourceKinds(), ", "))
		}
		uid := SourceUID(s.Kind)
		if other, ok := used[uid]; ok {
			return nil, fmt.Errorf("%s and %s are both for %s: give one of them", other, s.Kind, strings.ToLower(k.name))
		}
		used[uid] = s.Kind
		address, err := s.address(k, t)
		if err != nil {
			return nil, fmt.Errorf("data source %s: %w", s.Kind, err)
		}
		d := dataSource{UID: uid, Name: k.name, Type: k.plugin, URL: address, Access: "proxy", IsDefault: k.isDefault, JSONData: map[string]any{markKey: string(t.ID)}}
		maps.Copy(d.JSONData, k.additional)
		if k.header != "" {
			value, err := k.value(t)
			if err != nil {
				return nil, fmt.Errorf("data source %s: header %s: %w", s.Kind, k.header, err)
			}
			d.JSONData["httpHeaderName1"] = k.header
			d.SecureJSONData = map[string]string{"httpHeaderValue1": value}
		}
		all = append(all, d)
	}
	return all, nil
}
