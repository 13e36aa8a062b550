// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

//go:embed templates/*.yaml
var templates embed.FS

// subject is a gateway to measure.
type subject struct {
	name, title string
	binary      string
	template    string
	durable     bool
	batched     bool
	compression string
	level       int
	batch       string
	floor       string
	env         map[string]string
}

func newSubject(name, build string, o options) (subject, error) {
	s := subject{name: name, compression: o.compression, level: o.level, batch: o.batch, floor: o.floor}
	contrib := filepath.Join(build, "baseline-gateway", "otelcol-baseline-gateway")
	ours := filepath.Join(build, "otelcol-tenant")
	switch name {
	case "contrib":
		s.title, s.binary, s.template = "contrib", contrib, "contrib.yaml"
	case "contrib-batch":
		s.title, s.binary, s.template, s.batched = "contrib, `sending_queue::batch`", contrib, "contrib.yaml", true
	case "contrib-durable":
		s.title, s.binary, s.template, s.durable = "contrib, `sending_queue::storage`", contrib, "contrib.yaml", true
	case "memory":
		s.title, s.binary, s.template = "otelcol-tenant, lanes in memory", ours, "ours.yaml"
	case "durable":
		s.title, s.binary, s.template, s.durable = "otelcol-tenant, lanes in `file_storage`", ours, "ours.yaml", true
	default:
		return s, fmt.Errorf("-subjects: unknown subject %q", name)
	}
	if s.binary == ours && o.env != "" {
		s.env = make(map[string]string)
		for pair := range strings.SplitSeq(o.env, ",") {
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				return s, fmt.Errorf("-env: %q is not NAME=value", pair)
			}
			s.env[name] = value
		}
	}
	if _, err := os.Stat(s.binary); err != nil {
		return s, fmt.Errorf("%s is not built: run make bench-gateway", s.binary)
	}
	return s, nil
}

// customer is a tenant of a run.
type customer struct {
	ID, Key string
	URL     string // of the tenant's own backend; empty: the tenant's path of the sink
}

func customers(n int) []customer {
	list := make([]customer, n)
	for i := range list {
		key, _ := apikey.New()
		list[i] = customer{ID: fmt.Sprintf("tenant-%05d", i), Key: key}
	}
	return list
}

// settings are the values of a template.
type settings struct {
	Dir, Endpoint, Pprof, MetricsPort, Sink string
	Compression, Batch, HeapFloor           string
	Level                                   int
	Durable, Batched                        bool
	OwnURLs                                 bool // each tenant's backend has the URL of its customer
	Customers                               []customer
}

// configure writes the files of the gateway to set.Dir, and returns the path of its configuration.
func (s *subject) configure(set settings) (string, error) {
	set.Compression, set.Level, set.Batch, set.HeapFloor, set.Durable, set.Batched = s.compression, s.level, s.batch, s.floor, s.durable, s.batched
	t, err := template.ParseFS(templates, "templates/"+s.template)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, set); err != nil {
		return "", err
	}
	if err := writeRegistry(filepath.Join(set.Dir, "tenants.yaml"), set.Customers); err != nil {
		return "", err
	}
	path := filepath.Join(set.Dir, "config.yaml")
	return path, os.WriteFile(path, text.Bytes(), 0o600)
}

func writeRegistry(path string, list []customer) error {
	tenants := make([]*tenant.Tenant, len(list))
	now := time.Now().UTC().Truncate(time.Second)
	for i, c := range list {
		id, err := apikey.ID(c.Key)
		if err != nil {
			return err
		}
		tenants[i] = &tenant.Tenant{
			ID: tenant.ID(c.ID), Status: tenant.StatusActive, Isolation: tenant.IsolationShared,
			Keys: []*tenant.Key{{ID: id, Digest: apikey.Digest(c.Key), Scopes: tenant.NewSignals(tenant.AllSignals()...), CreatedAt: now}},
		}
	}
	for i, c := range list {
		if c.URL != "" {
			tenants[i].Vars = map[string]string{"url": c.URL}
		}
	}
	data, err := registryfile.Format(tenants)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
