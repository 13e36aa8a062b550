// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
)

// unitState is the folder in which the substitute for systemctl keeps PIDs and logs.
const unitState = "/run/units"

// exitCode is an error with the exit status of a program.
type exitCode int

func (e exitCode) Error() string { return "" }

// substitute is systemctl or journalctl in a sandbox, where no systemd runs. It starts the
// services of the units on the disk, with their users, environment, credentials and
// folders, and without their hardening, which systemd-analyze checks elsewhere.
func substitute(name string, args []string) error {
	flags := map[string]bool{}
	var words []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-n" || args[i] == "-u" && name == "systemctl":
			i++
		case strings.HasPrefix(args[i], "-") && args[i] != "-u":
			flags[args[i]] = true
		case args[i] != "-u":
			words = append(words, args[i])
		}
	}
	if name == "journalctl" {
		for _, unit := range words {
			log, err := os.ReadFile(filepath.Join(unitState, serviceName(unit)+".log"))
			if err != nil {
				return err
			}
			os.Stdout.Write(log)
		}
		return nil
	}
	if len(words) == 0 {
		return fmt.Errorf("systemctl: no command in %q", args)
	}
	if words[0] == "daemon-reload" || words[0] == "is-system-running" {
		return nil
	}
	if len(words) < 2 {
		return fmt.Errorf("systemctl %s: no unit", words[0])
	}
	for _, unit := range words[1:] {
		u, err := readUnit(serviceName(unit))
		if err != nil {
			return err
		}
		switch words[0] {
		case "enable", "disable":
			if flags["--now"] {
				err = map[string]func() error{"enable": u.start, "disable": u.stop}[words[0]]()
			}
		case "start":
			err = u.start()
		case "stop":
			err = u.stop()
		case "restart", "try-restart":
			if err = u.stop(); err == nil {
				err = u.start()
			}
		case "reload":
			err = u.reload()
		case "is-active", "status":
			state, code := "active", error(nil)
			if u.pid() == 0 {
				state, code = "inactive", exitCode(3)
			}
			if !flags["--quiet"] && !flags["-q"] {
				fmt.Println(state)
			}
			return code
		case "is-enabled":
			fmt.Println("enabled")
		case "cat", "mask", "unmask", "preset", "reset-failed":
		case "show":
			fmt.Printf("MainPID=%d\nActiveState=%s\nLoadState=loaded\n", u.pid(), map[bool]string{true: "inactive", false: "active"}[u.pid() == 0])
		default:
			return fmt.Errorf("systemctl: the sandbox does not know %q", words[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func serviceName(unit string) string { return strings.TrimSuffix(unit, ".service") + ".service" }

// unit is what the substitute uses of a unit file and its drop-ins: the values of [Service].
type unit struct {
	name     string
	settings map[string][]string
}

func readUnit(name string) (unit, error) {
	u := unit{name: name, settings: map[string][]string{}}
	var files []string
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
		if file := filepath.Join(dir, name); len(files) == 0 {
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return u, fmt.Errorf("unit %s could not be found", name)
	}
	dropIns, err := filepath.Glob("/etc/systemd/system/" + name + ".d/*.conf")
	if err != nil {
		return u, err
	}
	for _, file := range append(files, dropIns...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			return u, err
		}
		section := ""
		for line := range strings.Lines(strings.ReplaceAll(string(raw), "\\\n", " ")) {
			line = strings.TrimSpace(line)
			key, value, ok := strings.Cut(line, "=")
			switch {
			case strings.HasPrefix(line, "["):
				section = line
			case !ok || section != "[Service]" || strings.HasPrefix(line, "#"):
			case value == "":
				delete(u.settings, key)
			default:
				u.settings[key] = append(u.settings[key], value)
			}
		}
	}
	return u, nil
}

// last returns the value of a key that has one value, without its specifiers.
func (u unit) last(key string) string {
	values := u.settings[key]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func (u unit) file(suffix string) string { return filepath.Join(unitState, u.name+suffix) }

// pid returns the process ID of the running service, or 0.
func (u unit) pid() int {
	raw, err := os.ReadFile(u.file(".pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return 0
	}
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || bytes.Contains(stat, []byte(") Z ")) {
		return 0
	}
	return pid
}

// command returns a command of the unit, with its user, environment and folders.
func (u unit) command(line string) (*exec.Cmd, error) {
	attributes := &syscall.SysProcAttr{Setsid: true}
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG=C.UTF-8"}
	uid, gid := 0, 0
	if name := u.last("User"); name != "" && name != "root" {
		account, err := user.Lookup(name)
		if err != nil {
			return nil, err
		}
		uid, _ = strconv.Atoi(account.Uid)
		gid, _ = strconv.Atoi(account.Gid)
		groups := []uint32{uint32(gid)}
		ids, err := account.GroupIds()
		if err != nil {
			return nil, err
		}
		for _, name := range strings.Fields(strings.Join(u.settings["SupplementaryGroups"], " ")) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return nil, err
			}
			ids = append(ids, g.Gid)
		}
		for _, id := range ids {
			n, _ := strconv.Atoi(id)
			groups = append(groups, uint32(n))
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}
		env = append(env, "HOME="+account.HomeDir, "USER="+name, "LOGNAME="+name)
	}
	if strings.Contains(strings.Join(u.settings["AmbientCapabilities"], " "), "CAP_DAC_READ_SEARCH") {
		attributes.AmbientCaps = append(attributes.AmbientCaps, 2)
	}
	for _, folder := range []struct{ key, parent, variable string }{
		{"StateDirectory", "/var/lib", "STATE_DIRECTORY"},
		{"RuntimeDirectory", "/run", "RUNTIME_DIRECTORY"},
		{"LogsDirectory", "/var/log", "LOGS_DIRECTORY"},
		{"CacheDirectory", "/var/cache", "CACHE_DIRECTORY"},
	} {
		for _, name := range strings.Fields(u.last(folder.key)) {
			mode := uint64(0o755)
			if text := u.last(folder.key + "Mode"); text != "" {
				var err error
				if mode, err = strconv.ParseUint(text, 8, 32); err != nil {
					return nil, err
				}
			}
			dir := filepath.Join(folder.parent, name)
			if err := os.MkdirAll(dir, os.FileMode(mode)); err != nil {
				return nil, err
			}
			if err := own(dir, uid, gid); err != nil {
				return nil, err
			}
			env = append(env, folder.variable+"="+dir)
		}
	}
	credentials := filepath.Join("/run/credentials", u.name)
	for _, value := range slices.Concat(u.settings["LoadCredential"], u.settings["LoadCredentialEncrypted"]) {
		name, from, _ := strings.Cut(value, ":")
		raw, err := os.ReadFile(from)
		for _, fallback := range u.settings["SetCredential"] {
			if other, text, _ := strings.Cut(fallback, ":"); err != nil && other == name {
				raw, err = []byte(text), nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("LoadCredential: %w", err)
		}
		if err := os.MkdirAll(credentials, 0o755); err != nil {
			return nil, err
		}
		to := filepath.Join(credentials, name)
		if err := os.WriteFile(to, raw, 0o400); err != nil {
			return nil, err
		}
		if err := os.Chown(to, uid, gid); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(credentials); err == nil {
		env = append(env, "CREDENTIALS_DIRECTORY="+credentials)
	}
	expand := strings.NewReplacer("%d", credentials, "%n", u.name, "%N", strings.TrimSuffix(u.name, ".service"),
		"%S", "/var/lib", "%t", "/run", "%E", "/etc", "%%", "%")
	for _, value := range u.settings["Environment"] {
		env = append(env, splitWords(expand.Replace(value))...)
	}
	for _, file := range u.settings["EnvironmentFile"] {
		raw, err := os.ReadFile(strings.TrimPrefix(file, "-"))
		if err != nil && !strings.HasPrefix(file, "-") {
			return nil, err
		}
		variables, err := envfile.Parse(string(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, v := range variables {
			env = append(env, v.Name+"="+v.Value)
		}
	}
	if strings.HasPrefix(line, "+") {
		attributes.Credential = nil
	}
	line = strings.TrimLeft(expand.Replace(line), "-@:+!")
	variables := map[string]string{"MAINPID": strconv.Itoa(u.pid())}
	for _, v := range env {
		key, value, _ := strings.Cut(v, "=")
		variables[key] = value
	}
	var words []string
	for _, word := range splitWords(line) {
		words = append(words, os.Expand(word, func(name string) string { return variables[name] }))
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = env, "/", attributes
	return cmd, nil
}

// own makes the user the owner of a folder and, as systemd does, of what is in it if the
// folder had another owner.
func own(dir string, uid, gid int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid == uint32(uid) && owner.Gid == uint32(gid) {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// splitWords splits the value of a unit's setting, in which quotes hold words together.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

func (u unit) start() error {
	if u.pid() != 0 {
		return nil
	}
	if err := os.MkdirAll(unitState, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(u.file(".log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := log.Stat()
	if err != nil {
		return err
	}
	for _, line := range u.settings["ExecStartPre"] {
		cmd, err := u.command(line)
		if err != nil {
			return err
		}
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil && !strings.HasPrefix(line, "-") {
			text, _ := os.ReadFile(u.file(".log"))
			return fmt.Errorf("job for %s failed: ExecStartPre: %w\n%s", u.name, err, text[max(0, len(text)-2000):])
		}
	}
	cmd, err := u.command(u.last("ExecStart"))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(u.file(".pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return u.awaitReady(before.Size(), ended)
}

// awaitReady waits until the service writes that it is ready, after the first bytes of its
// log: a reader types the next command later than a script runs it.
func (u unit) awaitReady(after int64, ended <-chan error) error {
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		select {
		case err := <-ended:
			log, _ := os.ReadFile(u.file(".log"))
			return fmt.Errorf("job for %s failed because the control process exited with error code (%w).\n%s",
				u.name, err, log[max(0, len(log)-2000):])
		case <-time.After(20 * time.Millisecond):
		}
		text, err := os.ReadFile(u.file(".log"))
		if err != nil {
			return err
		}
		if int64(len(text)) > after && bytes.Contains(text[after:], []byte("Everything is ready")) {
			return nil
		}
	}
	return fmt.Errorf("%s is not ready after 60 s", u.name)
}

func (u unit) stop() error {
	pid := u.pid()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if u.pid() == 0 {
			for _, name := range strings.Fields(u.last("RuntimeDirectory")) {
				if err := os.RemoveAll(filepath.Join("/run", name)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return fmt.Errorf("%s does not end", u.name)
}

func (u unit) reload() error {
	if u.pid() == 0 {
		return fmt.Errorf("%s is not active, cannot reload", u.name)
	}
	log, err := os.Stat(u.file(".log"))
	if err != nil {
		return err
	}
	for _, line := range u.settings["ExecReload"] {
		cmd, err := u.command(line)
		if err != nil {
			return err
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("job for %s failed: ExecReload: %w: %s", u.name, err, out)
		}
	}
	return u.awaitReady(log.Size(), nil)
}
