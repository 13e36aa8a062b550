// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/doctor"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// What an agent has that is installed without a unit.
const (
	defaultUser    = "otelcol-tenant-agent"
	defaultProgram = "/usr/bin/otelcol-tenant"
	defaultConfig  = "/etc/otelcol-tenant/agent.yaml"
	defaultEnv     = "/etc/otelcol-tenant/agent.env"
	defaultKeyFile = "/etc/otelcol-tenant/agent.key"
	defaultRuntime = "/run/otelcol-tenant-agent"
	defaultState   = "/var/lib/otelcol-tenant-agent"
	recordFile     = "/etc/otelcol-tenant/agent-access.json"
)

const (
	// keyLoaded is after how long a gateway has a key that was created: it looks at its registry several times
	// a second, and reads a change when the file is quiet. A busy machine needs longer.
	keyLoaded   = 10 * time.Second
	keyInterval = 500 * time.Millisecond
)

// Settings are what to set up.
type Settings struct {
	Env      string   // text of an environment file; empty: the present one stays
	Key      string   // text of a key; empty: that of Env, or the present one
	Endpoint string   // replaces that of Env
	Homes    []string // further homes of PM2
	PM2      *bool    // whether the agent reads PM2's logs; nil: as the configuration says
	DryRun   bool

	Wait    time.Duration // for the first record; 0: do not wait
	Out     io.Writer     // progress
	Version string
	Root    string // of the machine's files; empty: /. It is for tests
}

// Result is what was found and done. Its JSON names are stable.
type Result struct {
	Homes      []Home      `json:"homes"`
	Access     []string    `json:"access"`  // changes, as commands
	Refused    []string    `json:"refused"` // what got no access, and why
	Key        string      `json:"key_id,omitempty"`
	Written    []string    `json:"written"`
	Service    string      `json:"service"` // started, restarted, unchanged, or empty: not by this command
	Delivered  bool        `json:"delivered"`
	Seconds    float64     `json:"seconds"` // until the gateway accepted a record
	Conditions []Condition `json:"conditions"`
}

// Home is a home of PM2 that the agent reads.
type Home struct {
	Path string `json:"path"`
	User string `json:"user"`
	Logs int    `json:"logs"` // log files that exist, in logs and elsewhere
}

// run is one run of the setup.
type run struct {
	Settings
	result  *Result
	unit    *agentinstall.Unit // nil: there is none
	user    *asuser.User
	exe     string
	configs []string
	present envfile.Variables
	in      *input
	homes   []pm2home.Home
	without bool // no pipeline has the pm2 receiver
	joined  bool // the agent's user is in a further group, which needs a restart
	unsaved bool // a note about a list of applications that is not saved was printed
	began   time.Time
}

// Setup sets the agent up. The error of input that cannot be used is [ErrInput]; then nothing was changed. Any
// other error says what is missing; what was done until then stays, and a further call continues.
func Setup(ctx context.Context, set Settings) (*Result, error) {
	r := &run{Settings: set, result: &Result{Homes: []Home{}, Access: []string{}, Refused: []string{}, Written: []string{}, Conditions: []Condition{}}, began: time.Now()}
	r.Root = cmp.Or(r.Root, "/")
	for _, step := range []func(context.Context) error{r.install, r.readInput, r.gateway, r.findHomes, r.grant, r.write, r.start} {
		if err := step(ctx); err != nil {
			return r.result, err
		}
		if err := ctx.Err(); err != nil {
			return r.result, err
		}
	}
	return r.result, nil
}

func (r *run) path(p string) string { return filepath.Join(r.Root, p) }

// say writes one line. Names of other users' files cannot begin a further one.
func (r *run) say(format string, args ...any) {
	fmt.Fprintln(r.Out, safetext.Clean(fmt.Sprintf(format, args...)))
}

// install finds the installed agent.
func (r *run) install(context.Context) error {
	if os.Geteuid() != 0 && !r.DryRun {
		return errors.New("setup writes files of root and grants access: run it as root, or with --dry-run")
	}
	unit, err := agentinstall.FindUnit(r.Root, agentinstall.UnitName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	name := defaultUser
	r.exe, r.configs = defaultProgram, []string{r.path(defaultConfig)}
	if unit != nil {
		r.unit, name = unit, cmp.Or(unit.User, "root")
		if len(unit.ExecStart) > 0 {
			r.exe = unit.ExecStart[0]
		}
		if configs := unit.Configs(); len(configs) > 0 {
			r.configs = nil
			for _, c := range configs {
				if filepath.IsAbs(c) {
					c = r.path(c)
				}
				r.configs = append(r.configs, c)
			}
		}
		if _, ok := unit.Credentials[keyName]; !ok {
			return fmt.Errorf("%s is a unit of an earlier version, without LoadCredential=%s: remove it, so that the unit of the package is used: rm %s && systemctl daemon-reload", unit.Files[0], keyName, unit.Files[0])
		}
	}
	if r.user, err = asuser.Lookup(name); err != nil {
		return fmt.Errorf("%w: install the package otelcol-tenant-agent, which creates it", err)
	}
	for _, c := range r.configs {
		if filepath.IsAbs(c) {
			if _, err := os.Stat(c); err != nil {
				return fmt.Errorf("the agent is not installed: %w: install the package otelcol-tenant-agent", err)
			}
		}
	}
	return nil
}

// readInput merges what is given with what is there.
func (r *run) readInput(context.Context) error {
	present, err := agentinstall.ReadEnv(r.path(defaultEnv))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.present = present
	given, err := envfile.Parse(r.Env)
	if err != nil {
		return fmt.Errorf("%w: the environment file: %w", ErrInput, err)
	}
	if len(present) == 0 && len(given) == 0 {
		return fmt.Errorf("%w: there is no %s yet: give --env FILE, the output of `tenantctl onboard TENANT --new-key … -o env` at the gateway", ErrInput, defaultEnv)
	}
	if r.in, err = merge(present, given, r.Key, r.Endpoint); err != nil {
		return err
	}
	if r.in.key == "" {
		key, err := readKeyFile(r.path(defaultKeyFile))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: there is no key: %s is not in the environment file, and there is no %s", ErrInput, varKey, defaultKeyFile)
		}
		if err != nil {
			return err
		}
		r.in.key = key
	}
	r.choosePM2()
	r.in.noteUnknown(r.configs, "")
	for _, note := range r.in.notes {
		r.say("Note: %s", note)
	}
	r.result.Key, _ = apikey.ID(r.in.key)
	return nil
}

// settings returns the configuration of the agent with the new environment.
func (r *run) settings(ctx context.Context) (*agentinstall.Settings, error) {
	vars := r.in.env.Map()
	vars[varKeyFile] = filepath.Join(defaultRuntime, keyName)
	conf, err := agentinstall.Resolve(ctx, r.configs, vars)
	if err != nil {
		return nil, err
	}
	return agentinstall.SettingsOf(conf, vars, r.user.Home), nil
}

// gateway asks the gateway about the key. A key that it rejects is not installed. Other faults may be temporary.
func (r *run) gateway(ctx context.Context) error {
	s, err := r.settings(ctx)
	if err != nil {
		return err
	}
	endpoint, _ := r.in.env.Get(varEndpoint)
	for _, d := range s.Destinations {
		if d.Endpoint != endpoint {
			continue
		}
		d.Key, d.HasAuth = r.in.key, true
		all := r.ask(ctx, doctor.Gateway{Destination: d, Signals: s.Signals, Env: r.in.env.Map(), Version: r.Version})
		for _, f := range all {
			if f.Severity == finding.OK {
				continue
			}
			r.say("%s: %s. %s", f.Subject, f.Message, f.Fix)
		}
		if doctor.KeyRejected(all) {
			return errors.New("the gateway does not accept the key, so nothing was changed")
		}
		if !slices.ContainsFunc(all, func(f doctor.Finding) bool { return f.Severity == finding.Error }) {
			r.say("The gateway %s accepts the key %s.", endpoint, r.result.Key)
		}
	}
	return nil
}

// ask examines the gateway. A key that was created a moment ago is in the registry, and not yet in the gateway.
func (r *run) ask(ctx context.Context, g doctor.Gateway) []doctor.Finding {
	all := doctor.CheckGateway(ctx, g)
	if !doctor.KeyUnknown(all) {
		return all
	}
	r.say("The gateway does not have the key. It may be new: asking again for %v.", keyLoaded)
	for end := time.Now().Add(keyLoaded); doctor.KeyUnknown(all) && time.Now().Before(end); all = doctor.CheckGateway(ctx, g) {
		select {
		case <-ctx.Done():
			return all
		case <-time.After(keyInterval):
		}
	}
	return all
}

// choosePM2 makes the environment say whether the pipelines have the pm2 receiver.
func (r *run) choosePM2() {
	switch {
	case r.PM2 == nil:
	case *r.PM2:
		r.in.env = r.in.env.Without(varLogs).Without(varMetricsOf)
	default:
		r.in.env = r.in.env.Without(varPM2Home).Without(varPM2Homes).Without(varMetrics).Set(varLogs, "[tenant_otlp]").Set(varMetricsOf, "[tenant_otlp,host_metrics]")
	}
}

func (r *run) refused(path, reason string) {
	if strings.HasPrefix(reason, path+": ") {
		reason = strings.TrimPrefix(reason, path+": ")
	}
	text := path + ": " + reason
	if !slices.Contains(r.result.Refused, text) {
		r.result.Refused = append(r.result.Refused, text)
		r.say("Not used: %s", text)
	}
}
