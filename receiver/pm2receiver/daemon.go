package pm2receiver

import "github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpc"

// daemon is a daemon of PM2 that is asked for its processes.
type daemon struct {
	socket    string
	client    *rpc.Client
	translate *translator
	reported  bool // that there is no list
}

// kind returns the kind of a trouble: several daemons have their own.
func (d *daemon) kind(cfg *Config, kind string) string {
	if len(cfg.Homes) == 0 {
		return kind
	}
	return kind + " " + d.socket
}

// instances returns what service.instance.id of a daemon's processes begins with: daemons
// in several homes give the same numbers.
func instances(cfg *Config, host, home string) string {
	if len(cfg.Homes) == 0 || home == "" {
		return host
	}
	return host + ":" + home
}
