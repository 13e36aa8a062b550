// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import "github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpc"

// daemon is a daemon of PM2 from which metrics are collected.
type daemon struct {
	socket    string
	client    *rpc.Client
	translate *translator
	reported  bool // a failure was logged
}

// kind returns the kind of a message for the throttled logger: with several daemons, each has
// its own.
func (d *daemon) kind(cfg *Config, kind string) string {
	if len(cfg.Homes) == 0 {
		return kind
	}
	return kind + " " + d.socket
}

// instances returns the prefix of service.instance.id of a daemon's processes. With several
// homes it includes the home, because each daemon counts its processes from 0.
func instances(cfg *Config, host, home string) string {
	if len(cfg.Homes) == 0 || home == "" {
		return host
	}
	return host + ":" + home
}
