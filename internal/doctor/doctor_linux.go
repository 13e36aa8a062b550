// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthclient"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
)

// Settings are what to examine. The zero value examines the installed agent.
type Settings struct {
	// Configs, Env and User replace what the unit says. Env is the path of an environment file.
	Configs []string
	Env     string
	User    string

	// Root is the folder of the machine's files; empty: /. It is for tests.
	Root string

	// LargeBody sends a request of about 1 MB of spaces, to find a proxy that limits bodies.
	LargeBody bool

	// Timeout bounds each request and each program; 0: 10s.
	Timeout time.Duration

	// Version is that of this program.
	Version string

	// Now returns the time of this machine; nil: time.Now.
	Now func() time.Time
}

// defaultTimeout is below that of the agent, since a person waits.
const defaultTimeout = 10 * time.Second

// examination is what the checks know.
type examination struct {
	*report
	set     Settings
	unit    *agentinstall.Unit // nil: there is none
	env     envfile.Variables
	vars    map[string]string // env by name
	agent   *agentinstall.Settings
	user    *asuser.User // nil: unknown
	secrets *redact.Secrets
	key     string // that of the first destination; empty: unknown
	service service
	health  *healthclient.Answer // nil: no answer
}

// Run examines the agent. It always returns findings; an error means that ctx was done before the end.
func Run(ctx context.Context, set Settings) ([]Finding, error) {
	if set.Timeout <= 0 {
		set.Timeout = defaultTimeout
	}
	if set.Now == nil {
		set.Now = time.Now
	}
	if set.Root == "" {
		set.Root = "/"
	}
	x := &examination{set: set, secrets: &redact.Secrets{}}
	x.report = &report{scrub: x.scrubbed}
	x.install(ctx)
	if x.agent != nil {
		for _, check := range []func(context.Context){x.keys, x.gateways, x.pm2, x.disks, x.healthFindings, x.ports} {
			if ctx.Err() == nil {
				check(ctx)
			}
		}
	}
	return x.all, ctx.Err()
}

// scrubbed returns text without secrets.
func (x *examination) scrubbed(text string) string {
	if text == "" {
		return ""
	}
	return x.secrets.Scrub(text)
}

// install finds unit, environment, user and configuration.
func (x *examination) install(ctx context.Context) {
	x.findUnit()
	if !x.environment() {
		return
	}
	configs := x.set.Configs
	if len(configs) == 0 && x.unit != nil {
		configs = x.unit.Configs()
	}
	if len(configs) == 0 {
		x.fail("agent.config", agentinstall.UnitName, "No configuration of an agent is known", "Install the package otelcol-tenant-agent, or give --config and --env.")
		return
	}
	conf, err := agentinstall.Resolve(ctx, configs, x.vars)
	if err != nil {
		x.fail("agent.config", strings.Join(configs, " "), "The configuration cannot be read: "+firstLine(err.Error()), "Correct the file. As another user than root, give this command the rights to read it.")
		return
	}
	x.findUser()
	home := ""
	if x.user != nil {
		home = x.user.Home
	}
	x.agent = agentinstall.SettingsOf(conf, x.vars, home)
	for _, d := range x.agent.Destinations {
		x.secrets.Add(d.Key)
	}
	x.service = x.findService(ctx)
	x.health = x.askHealth(ctx)
	x.validate(ctx, configs)
	x.serviceFindings(ctx)
}

func (x *examination) findUnit() {
	unit, err := agentinstall.FindUnit(x.set.Root, agentinstall.UnitName)
	switch {
	case err == nil:
		x.unit = unit
	case len(x.set.Configs) > 0 && errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrNotExist):
		x.fail("agent.unit", agentinstall.UnitName, "The agent is not installed: there is no unit", "Install the package otelcol-tenant-agent and run `tenantctl setup --env agent.env`. For an agent without systemd, give --config and --env.")
	default:
		x.fail("agent.unit", agentinstall.UnitName, "The unit cannot be read: "+err.Error(), "Correct the unit or its drop-ins.")
	}
}

// environment reads the environment of the agent, and reports whether the examination can go on.
func (x *examination) environment() bool {
	var err error
	path := x.set.Env
	switch {
	case path != "":
		x.env, err = agentinstall.ReadEnv(path)
	case x.unit != nil:
		x.env, err = x.unit.Variables(x.set.Root)
		if len(x.unit.EnvironmentFile) > 0 {
			path = x.unit.EnvironmentFile[0].Path
		}
	case len(x.set.Configs) == 0:
		return false
	}
	x.vars = x.env.Map()
	for _, name := range []string{"TENANT_KEY"} {
		x.secrets.Add(x.vars[name])
	}
	for _, name := range slices.Sorted(maps.Keys(x.vars)) {
		if strings.Contains(strings.ToUpper(name), "PROXY") {
			x.secrets.AddValue(passwordOf(x.vars[name]))
		}
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, fs.ErrNotExist):
		x.fail("agent.env", path, "The environment file does not exist, so the service does not start", "Run `tenantctl setup --env agent.env`.")
	case errors.Is(err, fs.ErrPermission):
		x.warn("agent.env", path, "This user may not read the environment file: key, gateway and files are not checked", "Run this command as root.")
	default:
		x.fail("agent.env", path, "The environment file has faults: "+firstLine(err.Error()), "Correct the line, or run `tenantctl setup --env agent.env` with a new file.")
	}
	return false
}

func (x *examination) findUser() {
	name, groups := x.set.User, []string(nil)
	if name == "" && x.unit != nil && len(x.set.Configs) == 0 {
		name, groups = cmp.Or(x.unit.User, "root"), x.unit.Groups
	}
	if name == "" {
		name = fmt.Sprint(os.Geteuid())
	}
	u, err := asuser.Lookup(name, groups...)
	if err != nil {
		x.fail("agent.user", name, err.Error()+", as which the service runs", "Install the package otelcol-tenant-agent again, which creates the user.")
		return
	}
	if x.unit != nil && (slices.Contains(x.unit.Capabilities, "CAP_DAC_READ_SEARCH") || slices.Contains(x.unit.Capabilities, "CAP_DAC_OVERRIDE")) {
		u.ReadsAll = true
	}
	x.user = u
}

// path returns the path of a file of the machine.
func (x *examination) path(p string) string { return filepath.Join(x.set.Root, p) }

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
