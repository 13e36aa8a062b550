// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package identity builds the resource of a PM2 process, which is the same in the logs of the
// process, in the log of PM2's daemon, and in metrics.
package identity

import (
	"os"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.uber.org/zap"
)

// Names of resource attributes.
const (
	attributeServiceName     = "service.name"
	attributeServiceInstance = "service.instance.id"
	// AttributeProcessID is PM2's number of the process.
	AttributeProcessID = "pm2.process.id"
)

// Instance returns the service.instance.id of a process.
func Instance(host string, id int64) string { return host + ":" + strconv.FormatInt(id, 10) }

// Put sets the resource attributes of a process. If its number id is negative, only the
// application is known.
func Put(attrs pcommon.Map, host, app string, id int64) {
	attrs.PutStr(attributeServiceName, app)
	if id >= 0 {
		attrs.PutStr(attributeServiceInstance, Instance(host, id))
		attrs.PutInt(AttributeProcessID, id)
	}
}

// Host returns the prefix of service.instance.id.
func Host(logger *zap.Logger) string {
	name, err := os.Hostname()
	if err != nil {
		logger.Warn("Failed to get the name of the host; service.instance.id begins with localhost", zap.Error(err))
		return "localhost"
	}
	return name
}
