// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// tally counts the data in one tenant's archive.
type tally struct {
	logs, points, spans int
	bySeverity          map[string]int
	byService           map[string]int
	folder              string
	strays              []string // data of another tenant than the folder's
}

// tallies counts the data in the archive by tenant.
type tallies map[string]*tally

func (ts tallies) of(id, file string) *tally {
	t := ts[id]
	if t == nil {
		t = &tally{bySeverity: map[string]int{}, byService: map[string]int{}}
		ts[id] = t
	}
	if i := strings.Index(file, "tenant="+id); i >= 0 && t.folder == "" {
		t.folder = filepath.Join(file[:i], "tenant="+id)
	}
	return t
}

// have reports whether each tenant has at least as many log records as wanted.
func (ts tallies) have(want map[string]int) bool {
	for id, n := range want {
		if t := ts[id]; t == nil || t.logs < n {
			return false
		}
	}
	return true
}

// resource checks that the resource belongs to the tenant and returns its service name.
func (t *tally) resource(id string, r pcommon.Resource) string {
	if got := text(r.Attributes(), tenant.AttributeKey); got != id {
		t.strays = append(t.strays, fmt.Sprintf("%s=%q in the folder of %s", tenant.AttributeKey, got, id))
	}
	return text(r.Attributes(), "service.name")
}

// text returns an attribute as text, or "" if it is missing.
func text(m pcommon.Map, key string) string {
	v, ok := m.Get(key)
	if !ok {
		return ""
	}
	return v.AsString()
}

func (ts tallies) handler() archive.Handler {
	return archive.Handler{
		Logs: func(id, file string, ld plog.Logs) error {
			t := ts.of(id, file)
			for _, rl := range ld.ResourceLogs().All() {
				service := t.resource(id, rl.Resource())
				for _, sl := range rl.ScopeLogs().All() {
					for _, lr := range sl.LogRecords().All() {
						t.logs++
						t.byService[service]++
						t.bySeverity[severity.Name(lr.SeverityNumber())]++
					}
				}
			}
			return nil
		},
		Metrics: func(id, file string, md pmetric.Metrics) error {
			t := ts.of(id, file)
			t.points += md.DataPointCount()
			for _, rm := range md.ResourceMetrics().All() {
				t.resource(id, rm.Resource())
			}
			return nil
		},
		Traces: func(id, file string, td ptrace.Traces) error {
			t := ts.of(id, file)
			t.spans += td.SpanCount()
			for _, rs := range td.ResourceSpans().All() {
				t.resource(id, rs.Resource())
			}
			return nil
		},
	}
}
