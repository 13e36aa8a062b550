// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/pprofextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension/zpagesextension"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter"
	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension"
	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension"
	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension"
	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension"
	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/lokipushreceiver"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/tenantotlpreceiver"
)

// module is the import path of the project.
const module = "github.com/otelcol-tenant/otelcol-tenant"

// section is a part of a configuration with the components of one kind.
type section struct {
	name       string // receivers
	components []comp
}

// comp is a component of the distribution.
type comp struct {
	path    string // the import path that builder-config.yaml has
	factory component.Factory
}

// distribution returns the components of builder-config.yaml. A test compares them.
func distribution() []section {
	const core, contrib = "go.opentelemetry.io/collector/", "github.com/open-telemetry/opentelemetry-collector-contrib/"
	return []section{
		{"receivers", []comp{
			{module + "/receiver/pm2receiver", pm2receiver.NewFactory()},
			{module + "/receiver/tenantotlpreceiver", tenantotlpreceiver.NewFactory()},
			{module + "/receiver/prometheusremotewritereceiver", prometheusremotewritereceiver.NewFactory()},
			{module + "/receiver/lokipushreceiver", lokipushreceiver.NewFactory()},
			{core + "receiver/otlpreceiver", otlpreceiver.NewFactory()},
			{contrib + "receiver/filelogreceiver", filelogreceiver.NewFactory()},
			{contrib + "receiver/hostmetricsreceiver", hostmetricsreceiver.NewFactory()},
		}},
		{"processors", []comp{
			{module + "/processor/tenantprocessor", tenantprocessor.NewFactory()},
			{core + "processor/batchprocessor", batchprocessor.NewFactory()},
			{core + "processor/memorylimiterprocessor", memorylimiterprocessor.NewFactory()},
			{contrib + "processor/attributesprocessor", attributesprocessor.NewFactory()},
			{contrib + "processor/filterprocessor", filterprocessor.NewFactory()},
			{contrib + "processor/redactionprocessor", redactionprocessor.NewFactory()},
			{contrib + "processor/resourceprocessor", resourceprocessor.NewFactory()},
			{contrib + "processor/transformprocessor", transformprocessor.NewFactory()},
		}},
		{"exporters", []comp{
			{module + "/exporter/tenantroutingexporter", tenantroutingexporter.NewFactory()},
			{core + "exporter/debugexporter", debugexporter.NewFactory()},
			{core + "exporter/nopexporter", nopexporter.NewFactory()},
			{core + "exporter/otlpexporter", otlpexporter.NewFactory()},
			{core + "exporter/otlphttpexporter", otlphttpexporter.NewFactory()},
		}},
		{"extensions", []comp{
			{module + "/extension/bearerkeyauthextension", bearerkeyauthextension.NewFactory()},
			{module + "/extension/requestguardextension", requestguardextension.NewFactory()},
			{module + "/extension/storagecheckextension", storagecheckextension.NewFactory()},
			{module + "/extension/tenanthealthextension", tenanthealthextension.NewFactory()},
			{module + "/extension/tenantregistryextension", tenantregistryextension.NewFactory()},
			{core + "extension/zpagesextension", zpagesextension.NewFactory()},
			{contrib + "extension/healthcheckextension", healthcheckextension.NewFactory()},
			{contrib + "extension/pprofextension", pprofextension.NewFactory()},
			{contrib + "extension/storage/filestorage", filestorage.NewFactory()},
		}},
	}
}

// types returns the type of the component, and the earlier name of it, if it has one.
func (c comp) types() []string {
	all := []string{c.factory.Type().String()}
	if f, ok := c.factory.(interface{ DeprecatedAlias() component.Type }); ok {
		if alias := f.DeprecatedAlias().String(); alias != "" {
			all = append(all, alias)
		}
	}
	return all
}
