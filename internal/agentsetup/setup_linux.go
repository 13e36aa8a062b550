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
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/doctor"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
	"github.com/otelcol-tenant/otelcol-tenant/internal/posixacl"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
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

	// causeDenied is the cause of the condition pm2_unreachable without access to PM2's socket.
	causeDenied = "denied"
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
	Logs int    `json:"logs"`
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
		all := doctor.CheckGateway(ctx, doctor.Gateway{Destination: d, Signals: s.Signals, Env: r.in.env.Map(), Version: r.Version})
		for _, f := range all {
			if f.Status == doctor.OK {
				continue
			}
			r.say("%s: %s. %s", f.Subject, f.Message, f.Fix)
		}
		if doctor.KeyRejected(all) {
			return errors.New("the gateway does not accept the key, so nothing was changed")
		}
		if !slices.ContainsFunc(all, func(f doctor.Finding) bool { return f.Status == doctor.Fail }) {
			r.say("The gateway %s accepts the key %s.", endpoint, r.result.Key)
		}
	}
	return nil
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

// findHomes finds the homes of PM2, and notes them in the environment.
func (r *run) findHomes(ctx context.Context) error {
	s, err := r.settings(ctx)
	if err != nil {
		return err
	}
	if r.without = len(s.Receivers) == 0; r.without {
		if len(r.Homes) > 0 {
			return fmt.Errorf("%w: a home of PM2 is given, and the configuration has no pm2 receiver in a pipeline: add --without-pm2=false if it was set up with --without-pm2", ErrInput)
		}
		r.say("The configuration reads no logs of PM2.")
		return nil
	}
	named := slices.Clone(r.Homes)
	old, _ := r.in.env.Get(varPM2Home)
	if old != "" {
		named = append(named, old)
	}
	list, _ := r.in.env.Get(varPM2Homes)
	var patterns []string
	for one := range strings.SplitSeq(list, ",") {
		switch one = strings.TrimSpace(one); {
		case one == "":
		case strings.ContainsAny(one, `*?[{\`):
			patterns = append(patterns, one) // the operator's own
		default:
			named = append(named, one)
		}
	}
	prefix := ""
	if r.Root != "/" {
		prefix = r.Root
	}
	var more []string
	for _, n := range named {
		more = append(more, filepath.Join(prefix, n))
	}
	homes, skipped := pm2home.Find(pm2home.Search{Root: prefix, More: more})
	r.homes = slices.DeleteFunc(homes, func(h pm2home.Home) bool { return h.Owner == r.user.UID })
	for _, s := range skipped {
		if s.Path == filepath.Join(prefix, old) && strings.HasSuffix(s.Reason, "no such file or directory") {
			r.say("Note: %s in the environment names %s, which does not exist on this machine.", varPM2Home, old)
			continue
		}
		r.refused(s.Path, s.Reason)
	}
	r.selectHomes()
	if len(r.homes) == 0 {
		r.say("No home of PM2 was found. The agent reports pm2_not_found until PM2 runs and `tenantctl setup` is called again. On a machine without PM2: `tenantctl setup --without-pm2`.")
		return nil
	}
	r.say("Homes of PM2:")
	var paths []string
	for _, h := range r.homes {
		daemon := "no running daemon was found"
		if h.Daemon != 0 {
			daemon = fmt.Sprintf("daemon %d", h.Daemon)
		}
		r.say("  %s  user %s, %d log files, %s", h.Path, h.User, len(h.Logs), daemon)
		r.result.Homes = append(r.result.Homes, Home{h.Path, h.User, len(h.Logs)})
		path := "/" + strings.TrimPrefix(strings.TrimPrefix(h.Path, prefix), "/")
		if !listable(path) {
			r.refused(h.Path, "has a character in its path that a list of homes cannot contain; write it to `homes` of the pm2 receiver")
			continue
		}
		paths = append(paths, path)
	}
	switch all := slices.Concat(patterns, paths); {
	case len(all) == 1 && len(patterns) == 0:
		r.in.env = r.in.env.Without(varPM2Homes).Set(varPM2Home, all[0])
	case len(all) > 0:
		r.in.env = r.in.env.Without(varPM2Home).Set(varPM2Homes, strings.Join(all, ","))
	}
	return nil
}

// listable reports whether a list of homes in the environment can contain a path. The collector expands $, and
// an environment file has one line for each variable.
func listable(path string) bool {
	return !strings.ContainsAny(path, "$,*?[]{}\\'\"#:") && strings.TrimSpace(path) == path && !strings.ContainsFunc(path, func(r rune) bool { return !safetext.Safe(r) }) && utf8.ValidString(path)
}

// selectHomes leaves out homes that are not in use, if others are: any user can create a folder of that name, and
// the agent reports homes without a daemon.
func (r *run) selectHomes() {
	used := func(h pm2home.Home) bool { return h.Daemon != 0 || h.Socket }
	if !slices.ContainsFunc(r.homes, used) {
		return
	}
	r.homes = slices.DeleteFunc(r.homes, func(h pm2home.Home) bool {
		unused := !used(h) && !h.Named
		if unused {
			r.refused(h.Path, "no daemon runs there; `--pm2-home "+shellWord(h.Path)+"` uses it nevertheless")
		}
		return unused
	})
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

// access returns what grants access.
func (r *run) access(rec *record) *access {
	return &access{
		user: r.user, dryRun: r.DryRun, record: rec, refuse: r.refused, root: r.Root,
		line: func(format string, args ...any) {
			text := fmt.Sprintf(format, args...)
			r.result.Access = append(r.result.Access, text)
			r.say("  %s", text)
		},
	}
}

// grant gives the agent's user access to the homes.
func (r *run) grant(context.Context) error {
	if len(r.homes) == 0 {
		return nil
	}
	rec, err := readRecord(r.path(recordFile))
	if err != nil {
		return err
	}
	rec.User = r.user.Name
	r.say("Access of %s to them, as these commands would grant it:", r.user.Name)
	a := r.access(rec)
	for i := range r.homes {
		h := &r.homes[i]
		err := a.grantHome(h)
		if errors.Is(err, posixacl.ErrUnsupported) {
			r.say("  %s has no access control lists. Give the group of the files access:", filepath.Dir(safePathOf(err, h.Path)))
			err = a.grantGroup(h)
		}
		if err != nil {
			r.refused(h.Path, safepath.Reason(err))
		}
	}
	r.joined = a.joined
	if len(r.result.Access) == 0 {
		r.say("  (nothing to change)")
	}
	if !r.DryRun {
		if err := rec.write(r.path(recordFile)); err != nil {
			return err
		}
	}
	r.processList()
	return nil
}

func safePathOf(err error, fallback string) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Path
	}
	return fallback
}

// processList chooses where the list of applications comes from. Only the socket has metrics of processes, and
// only PM2's own user may use it unless PM2 was started otherwise.
func (r *run) processList() {
	if value, ok := r.in.env.Get(varMetrics); ok {
		if value == "true" {
			for _, h := range r.homes {
				if h.Socket && r.user.Check(filepath.Join(h.Path, "rpc.sock"), asuser.ReadWrite) != nil {
					r.say("Note: %s=true needs access to %s/rpc.sock, which %s does not have.", varMetrics, h.Path, r.user.Name)
				}
			}
		}
		return
	}
	all := true
	for _, h := range r.homes {
		socket := h.Socket && r.user.Check(filepath.Join(h.Path, "rpc.sock"), asuser.ReadWrite) == nil
		all = all && socket
		if !socket && !h.Dump && h.Daemon != 0 {
			r.say("Note: run `pm2 save` as %s, so that records have the names of its applications, and log files outside of %s/logs are read.", h.User, h.Path)
		}
	}
	if !all {
		r.in.env = r.in.env.Set(varMetrics, "false")
	}
}

// write stores key and environment.
func (r *run) write(context.Context) error {
	r.in.env = r.in.env.Set(varKeyFile, filepath.Join(defaultRuntime, keyName))
	if err := r.replace(defaultKeyFile, r.in.key+"\n"); err != nil {
		return err
	}
	return r.replace(defaultEnv, "# Written by tenantctl setup, which keeps variables that it does not know.\n"+r.in.env.String())
}

// replace writes a file that only root may read, if its content or mode differs.
func (r *run) replace(path, content string) error {
	full := r.path(path)
	old, err := os.ReadFile(full)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !r.DryRun {
		return err
	}
	info, statErr := os.Lstat(full)
	if statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", full)
	}
	private := statErr == nil && info.Mode().Perm()&0o077 == 0
	if err == nil && string(old) == content && private {
		return nil
	}
	r.result.Written = append(r.result.Written, path)
	if r.DryRun {
		r.say("Would write %s (root, mode 0600).", full)
		return nil
	}
	if statErr == nil {
		if err := errors.Join(os.Chown(full, 0, 0), os.Chmod(full, 0o600)); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(full, []byte(content)); err != nil {
		return err
	}
	r.say("Wrote %s (root, mode 0600).", full)
	return nil
}

// start makes the service run with what was written.
func (r *run) start(ctx context.Context) error {
	if r.DryRun {
		r.say("Would start %s. Nothing was changed.", agentinstall.UnitName)
		return nil
	}
	if err := validate(ctx, r.user, r.exe, r.configs, r.in.env); err != nil {
		return err
	}
	s, err := r.settings(ctx)
	if err != nil {
		return err
	}
	w := newWatch(s.Health, s.Metrics)
	if r.unit == nil || !hasSystemd(r.Root) {
		return r.withoutSystemd(ctx, w)
	}
	if property(ctx, "NeedDaemonReload") == "yes" {
		if err := systemctl(ctx, "daemon-reload"); err != nil {
			return err
		}
	}
	before := w.state(ctx)
	changed := slices.Contains(r.result.Written, defaultEnv) || r.joined
	active := property(ctx, "ActiveState") == "active"
	switch {
	case active && !changed:
		r.result.Service = "unchanged"
		if _, err := DeliverKey(Delivery{Root: r.Root}); err != nil {
			return err
		}
		if slices.Contains(r.result.Written, defaultKeyFile) {
			r.say("The running agent uses the new key. It was not restarted.")
		}
		if err := systemctl(ctx, "enable", "--quiet", agentinstall.UnitName); err != nil {
			return err
		}
	case active:
		r.result.Service = "restarted"
		if err := systemctl(ctx, "enable", "--quiet", agentinstall.UnitName); err != nil {
			return err
		}
		if err := systemctl(ctx, "restart", agentinstall.UnitName); err != nil {
			return r.notStarted(ctx, err)
		}
		r.say("Restarted %s.", agentinstall.UnitName)
		before = state{}
	default:
		r.result.Service = "started"
		if err := systemctl(ctx, "enable", "--quiet", "--now", agentinstall.UnitName); err != nil {
			return r.notStarted(ctx, err)
		}
		r.say("Started %s.", agentinstall.UnitName)
		before = state{}
	}
	return r.wait(ctx, w, before)
}

func (r *run) notStarted(ctx context.Context, err error) error {
	if line := lastLogLine(ctx); line != "" {
		return fmt.Errorf("the service does not start: %s", line)
	}
	return err
}

// withoutSystemd prepares what the unit would, and says what to start.
func (r *run) withoutSystemd(ctx context.Context, w *watch) error {
	state := defaultState
	if dir, ok := r.in.env.Get(varState); ok {
		state = dir
	}
	for _, dir := range []string{defaultRuntime, state} {
		if err := os.MkdirAll(r.path(dir), 0o700); err != nil {
			return err
		}
		f, err := safepath.Open(r.path(dir))
		if err != nil {
			return err
		}
		err = f.Chown(int(r.user.UID), int(r.user.GID))
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	if _, err := DeliverKey(Delivery{Root: r.Root}); err != nil {
		return err
	}
	s := w.state(ctx)
	if s.answers {
		r.result.Service = "unchanged"
		if slices.Contains(r.result.Written, defaultEnv) {
			r.say("There is no systemd, and the environment has changed: restart the agent.")
		}
		return r.wait(ctx, w, s)
	}
	var flags []string
	for _, c := range r.configs {
		flags = append(flags, "--config "+shellWord(c))
	}
	r.say("There is no systemd. Start the agent as %s with the variables in %s, for example with:", r.user.Name, defaultEnv)
	r.say("  (set -a; . %s; exec setpriv --reuid %s --regid %s --init-groups --no-new-privs %s %s)", r.path(defaultEnv), r.user.Name, r.user.Name, r.exe, strings.Join(flags, " "))
	r.say("Then `tenantctl doctor` shows whether its data arrives.")
	return nil
}

// wait returns when the gateway has accepted a record and the agent reports no condition.
func (r *run) wait(ctx context.Context, w *watch, before state) error {
	if r.Wait <= 0 {
		return nil
	}
	endpoint, _ := r.in.env.Get(varEndpoint)
	r.say("Waiting for %s to accept a record (at most %v).", endpoint, r.Wait)
	ctx, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	begin := time.Now()
	fresh := r.result.Service != "unchanged"
	wanted := before.delivered
	if !fresh && !slices.Contains(r.result.Written, defaultKeyFile) {
		wanted = 0 // nothing has changed: what was accepted earlier counts
	}
	var last state
	for {
		last = w.state(ctx)
		if ctx.Err() == nil {
			r.result.Conditions = last.conditions
		}
		if !r.result.Delivered && last.known && last.delivered > wanted {
			r.result.Delivered, r.result.Seconds = true, time.Since(r.began).Seconds()
			r.say("The gateway has accepted the first records, %.0f s after the start of this command.", r.result.Seconds)
		}
		complete := !fresh || time.Since(begin) >= conditionsKnown
		if r.result.Delivered && complete && (last.ok || len(last.conditions) > 0) {
			break
		}
		select {
		case <-ctx.Done():
			return r.incomplete(context.WithoutCancel(ctx), last)
		case <-time.After(pollInterval):
		}
	}
	switch {
	case r.onlyUnsaved():
		r.say("The agent reads the files in `logs` of each home. Until the list of applications is saved, it names records by their files, does not read")
		r.say("log files elsewhere, and reports %s in /health. As each user of PM2 run: pm2 save", r.result.Conditions[0].Name)
	case len(r.result.Conditions) > 0:
		return r.incomplete(ctx, last)
	case r.without:
		r.say("The agent reports no fault. It receives OTLP, and reads no logs of PM2.")
	default:
		r.say("The agent reports no fault. It reads %d log files of %d homes of PM2.", r.logs(), len(r.result.Homes))
	}
	return nil
}

// onlyUnsaved reports whether the only fault is that PM2's users have not run `pm2 save` yet, which only they can
// do: the agent has no access to PM2's socket, as intended, and there is no saved list.
func (r *run) onlyUnsaved() bool {
	metrics, _ := r.in.env.Get(varMetrics)
	c := r.result.Conditions
	return metrics == "false" && len(c) == 1 && c[0].Name == condition.PM2Unreachable.String() && c[0].Cause == causeDenied
}

func (r *run) logs() (n int) {
	for _, h := range r.result.Homes {
		n += h.Logs
	}
	return n
}

// incomplete says what is missing.
func (r *run) incomplete(ctx context.Context, last state) error {
	for _, c := range r.result.Conditions {
		r.say("%s: %s", c.Name, c.Message)
		r.say("  Fix: %s", c.Fix)
	}
	names := []string{}
	for _, c := range r.result.Conditions {
		names = append(names, c.Name)
	}
	switch {
	case len(names) > 0 && r.result.Delivered:
		return fmt.Errorf("the agent delivers, and reports %s", strings.Join(names, ", "))
	case len(names) > 0:
		return fmt.Errorf("no record was accepted within %v; the agent reports %s", r.Wait, strings.Join(names, ", "))
	case !last.answers:
		line := ""
		if hasSystemd(r.Root) {
			line = lastLogLine(ctx)
		}
		return fmt.Errorf("the agent does not run: %s", cmp.Or(line, "it does not answer; see `tenantctl doctor`"))
	case r.result.Delivered:
		return fmt.Errorf("the agent delivers, and its /health is not ok: see `tenantctl doctor`")
	}
	return fmt.Errorf("no record was accepted within %v: see `tenantctl doctor`", r.Wait)
}
