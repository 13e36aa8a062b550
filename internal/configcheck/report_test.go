// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestComponentOf(t *testing.T) {
	for key, want := range map[string]string{
		"exporters::tenant_routing/a::lane::max_bytes": "exporters::tenant_routing/a",
		"receivers::otlp":               "receivers::otlp",
		"service::pipelines::logs":      "service",
		"service::extensions":           "service",
		"processors":                    "processors",
		"exporters::otlp::queue::batch": "exporters::otlp",
	} {
		assert.Equal(t, want, componentOf(key))
	}
}
