// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestProgram(t *testing.T) {
	for agent, want := range map[string]string{
		"": "",
		"OpenTelemetry Collector distribution that keeps tenants apart/0.2.0-dev (linux/amd64)": "OpenTelemetry Collector d…/0.2.0-dev",
		"otelcol-tenant, a custom OpenTelemetry Collector distribution/0.2.0-dev (linux/amd64)": "otelcol-tenant/0.2.0-dev",
		"OTel-OTLP-Exporter-Python/1.27.0":                         "OTel-OTLP-Exporter-Python/1.27.0",
		"OTel-OTLP-Exporter-JavaScript/0.57.2 grpc-node-js/1.12.4": "OTel-OTLP-Exporter-JavaScript/0.57.2",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36":       "Mozilla/5.0",
		"curl":                         "curl",
		strings.Repeat("x", 80):        strings.Repeat("x", 35) + "…",
		"a/" + strings.Repeat("9", 80): "a/" + strings.Repeat("9", 17) + "…",
		"/":                            "/",
		"日本語" + strings.Repeat("語", 60) + "/1": "日本語" + strings.Repeat("語", 30) + "…/1",
	} {
		got := program(agent)
		assert.Equal(t, want, got, agent)
		assert.LessOrEqual(t, utf8.RuneCountInString(got), widthProgram)
	}
}
