// Package identity says which resource a process of PM2 is: the same one in its
// logs, in what PM2's daemon says of it, and in its metrics.
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

// Instance returns service.instance.id of a process.
func Instance(host string, id int64) string { return host + ":" + strconv.FormatInt(id, 10) }

// Put sets the attributes of a process. Without a number, which is negative, it is
// only known by its application.
func Put(attrs pcommon.Map, host, app string, id int64) {
	attrs.PutStr(attributeServiceName, app)
	if id >= 0 {
		attrs.PutStr(attributeServiceInstance, Instance(host, id))
		attrs.PutInt(AttributeProcessID, id)
	}
}

// Host returns what service.instance.id begins with.
func Host(logger *zap.Logger) string {
	name, err := os.Hostname()
	if err != nil {
		logger.Warn("the host has no name; service.instance.id will begin with localhost", zap.Error(err))
		return "localhost"
	}
	return name
}
