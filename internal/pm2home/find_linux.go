// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2home

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
)

const (
	// Max is how many homes Find returns, which is how many the pm2 receiver reads.
	Max = 64

	// maxOfUser bounds the homes that the processes of one user name.
	maxOfUser = 16

	maxEnviron = 1 << 20
	maxDump    = 16 << 20
	maxLogs    = 4096 // files of a folder or a list
	maxSkipped = 256
)

// Home is the home folder of a PM2 daemon.
type Home struct {
	Path   string // absolute, without links
	Owner  uint32
	User   string // name of the owner, or its number
	Logs   []string
	Listed []string // log files outside of Path/logs that dump.pm2 lists
	Dump   bool     // dump.pm2 exists
	Socket bool     // rpc.sock exists
	Daemon int      // process ID of the running daemon; 0: none was found
	Umask  int      // of the daemon; -1: unknown
	Named  bool     // the caller has asked for it

	// LogsFault says why the folder logs cannot be used, such as that it is a link of its owner.
	LogsFault string
}

// Skipped is a place that looks like a home folder and is none that may be used. Daemon is the process of a
// running daemon that names it, or 0.
type Skipped struct {
	Path, Reason string
	Daemon       int
}

// Search are the places to look at. Root is / except in tests.
type Search struct {
	Root string
	More []string // further homes
}

// titleForm matches the title that PM2 gives its daemon.
var titleForm = regexp.MustCompile(`^PM2 v[0-9][^:]*: God Daemon \((/.*)\)$`)

// candidate is a place that may be a home.
type candidate struct {
	path   string
	uid    int // of the process that names it; -1: another source
	daemon int
	umask  int
	named  bool // the caller asked for it
}

// Find returns the homes of all users, sorted by path. Without root it sees only what its user may see. A
// home that only a process names counts if the process and the folder have the same owner, because every
// user can start a process with any name and any environment. If there are more than [Max], those that the
// caller has asked for come first, then those that are in use, and no user's further ones come before the
// first of another.
func Find(s Search) ([]Home, []Skipped) {
	var all []candidate
	for _, path := range s.More {
		all = append(all, candidate{path: path, uid: -1, umask: -1, named: true})
	}
	all = append(all, s.processes()...)
	for _, folder := range s.userFolders() {
		all = append(all, candidate{path: filepath.Join(folder, ".pm2"), uid: -1, umask: -1})
	}
	found := map[string]*Home{}
	skipped := map[string]Skipped{}
	for _, c := range all {
		home, err := open(c)
		switch {
		case err == nil && home != nil:
			known := found[home.Path]
			if known == nil {
				found[home.Path], known = home, home
			}
			if c.daemon != 0 {
				known.Daemon, known.Umask = c.daemon, c.umask
			}
			known.Named = known.Named || c.named
		case c.named, err != nil && !errors.Is(err, fs.ErrNotExist):
			if err == nil {
				err = fs.ErrNotExist
			}
			if len(skipped) < maxSkipped {
				skipped[c.path] = Skipped{c.path, safepath.Reason(err), max(c.daemon, skipped[c.path].Daemon)}
			}
		}
	}
	// A home that may be used stays one if a process of another user names it too, such as the agent.
	for path := range found {
		delete(skipped, path)
	}
	homes, more := choose(found)
	for _, h := range more {
		if len(skipped) < maxSkipped {
			skipped[h.Path] = Skipped{h.Path, "there are more than " + strconv.Itoa(Max) + " homes", h.Daemon}
		}
	}
	slices.SortFunc(homes, func(a, b Home) int { return cmp.Compare(a.Path, b.Path) })
	var out []Skipped
	for _, one := range skipped {
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Skipped) int { return cmp.Compare(a.Path, b.Path) })
	return homes, out
}

// choose returns the homes that are used, and the others.
func choose(found map[string]*Home) (homes, more []Home) {
	for _, h := range found {
		homes = append(homes, *h)
	}
	flag := func(is bool) int {
		if is {
			return 0
		}
		return 1
	}
	order := func(a, b *Home) int {
		return cmp.Or(
			cmp.Compare(flag(a.Named), flag(b.Named)),
			cmp.Compare(flag(a.Daemon != 0 || a.Socket), flag(b.Daemon != 0 || b.Socket)),
		)
	}
	slices.SortFunc(homes, func(a, b Home) int {
		return cmp.Or(order(&a, &b), cmp.Compare(flag(a.Daemon != 0), flag(b.Daemon != 0)), cmp.Compare(a.Path, b.Path))
	})
	rank, owned := map[string]int{}, map[uint32]int{}
	for i := range homes {
		rank[homes[i].Path] = owned[homes[i].Owner]
		owned[homes[i].Owner]++
	}
	slices.SortStableFunc(homes, func(a, b Home) int {
		return cmp.Or(order(&a, &b), cmp.Compare(rank[a.Path], rank[b.Path]))
	})
	n := min(len(homes), Max)
	return slices.Clone(homes[:n]), homes[n:]
}

var errOwner = errors.New("belongs to another user than the process that names it")

// open returns the home at a place, or nil if there is none.
func open(c candidate) (*Home, error) {
	f, err := safepath.Open(c.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !f.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: c.path, Err: errors.New("is not a folder")}
	}
	if c.uid > 0 && uint32(c.uid) != f.Stat.Uid {
		return nil, &fs.PathError{Op: "open", Path: c.path, Err: errOwner}
	}
	h := &Home{Path: f.Path, Owner: f.Stat.Uid, User: userName(f.Stat.Uid), Umask: -1}
	h.Dump = hasFile(f, "dump.pm2")
	h.Socket = hasSocket(f, "rpc.sock")
	h.Logs, h.LogsFault = logsIn(f)
	if h.LogsFault == "" && h.Logs == nil && !h.Dump && !h.Socket && c.daemon == 0 && !c.named {
		if _, err := f.OpenIn("logs"); err != nil {
			return nil, nil // a folder named .pm2 that no daemon has used
		}
	}
	if h.Dump {
		h.Listed = listed(f, h.Path)
	}
	return h, nil
}

func hasFile(f *safepath.File, name string) bool {
	inner, err := f.OpenIn(name)
	if err != nil {
		return false
	}
	defer inner.Close()
	return !inner.IsDir()
}

func hasSocket(f *safepath.File, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(int(f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// logsIn returns the names of the log files in the folder logs of a home.
func logsIn(home *safepath.File) (names []string, fault string) {
	logs, err := home.OpenIn("logs")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ""
	case err != nil:
		return nil, safepath.Reason(err)
	}
	defer logs.Close()
	if !logs.IsDir() {
		return nil, logs.Path + ": is not a folder"
	}
	all, err := logs.Readdirnames(maxLogs)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err.Error()
	}
	for _, name := range all {
		if strings.HasSuffix(name, ".log") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, ""
}

// listed returns the log files that a saved list of PM2 names and that are not in home/logs.
func listed(home *safepath.File, path string) (paths []string) {
	f, err := home.OpenIn("dump.pm2")
	if err != nil {
		return nil
	}
	defer f.Close()
	if f.Stat.Uid != home.Stat.Uid {
		return nil
	}
	list := json.NewDecoder(io.LimitReader(f, maxDump))
	if start, err := list.Token(); err != nil || start != json.Delim('[') {
		return nil
	}
	known := map[string]bool{}
	for range maxLogs {
		if !list.More() {
			break
		}
		var p struct {
			Out   any `json:"pm_out_log_path"`
			Error any `json:"pm_err_log_path"`
			Log   any `json:"pm_log_path"`
		}
		if list.Decode(&p) != nil {
			break
		}
		for _, value := range []any{p.Out, p.Error, p.Log} {
			file, ok := value.(string)
			if !ok || !filepath.IsAbs(file) || strings.ContainsRune(file, 0) {
				continue
			}
			file = filepath.Clean(file)
			if len(paths) < maxLogs && file != "/dev/null" && filepath.Dir(file) != filepath.Join(path, "logs") && !known[file] {
				paths, known[file] = append(paths, file), true
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// userFolders returns the home folders of users.
func (s Search) userFolders() (folders []string) {
	add := func(path string) {
		if path = filepath.Clean(path); filepath.IsAbs(path) && path != "/" && !slices.Contains(folders, path) {
			folders = append(folders, path)
		}
	}
	if f, err := os.Open(filepath.Join(s.Root, "/etc/passwd")); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if fields := strings.Split(lines.Text(), ":"); len(fields) >= 6 && fields[5] != "" {
				add(filepath.Join(s.Root, fields[5]))
			}
		}
	}
	add(filepath.Join(s.Root, "/root"))
	entries, err := os.ReadDir(filepath.Join(s.Root, "/home"))
	if err == nil {
		for _, e := range entries {
			add(filepath.Join(s.Root, "/home", e.Name()))
		}
	}
	return folders
}

// processes returns the homes that running processes name.
func (s Search) processes() (all []candidate) {
	proc := filepath.Join(s.Root, "/proc")
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil
	}
	daemons, others := map[uint32][]candidate{}, map[uint32][]candidate{}
	add := func(to map[uint32][]candidate, uid uint32, one candidate) {
		if of := to[uid]; len(of) < maxOfUser && !slices.ContainsFunc(of, func(c candidate) bool { return c.path == one.path }) {
			to[uid] = append(of, one)
		}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join(proc, e.Name())
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil {
			continue
		}
		if m := titleForm.FindStringSubmatch(title(dir)); m != nil {
			if s.genuine(dir, st.Uid) {
				add(daemons, st.Uid, candidate{path: filepath.Join(s.Root, m[1]), uid: int(st.Uid), daemon: pid, umask: umaskOf(dir)})
			}
			continue
		}
		if path := environ(dir, "PM2_HOME"); filepath.IsAbs(path) && s.genuine(dir, st.Uid) {
			add(others, st.Uid, candidate{path: filepath.Join(s.Root, path), uid: int(st.Uid), umask: -1})
		}
	}
	for _, of := range []map[uint32][]candidate{daemons, others} {
		for _, uid := range slices.Sorted(maps.Keys(of)) {
			all = append(all, of[uid]...)
		}
	}
	return all
}

// genuine reports whether a process is its owner's, and names paths of this machine. A program that is
// set-user-ID runs as its owner with the title and the environment that any user chooses. A process in a
// container has other files.
func (s Search) genuine(dir string, uid uint32) bool {
	var exe, root, own unix.Stat_t
	err := errors.Join(unix.Stat(filepath.Join(dir, "exe"), &exe), unix.Stat(filepath.Join(dir, "root"), &root), unix.Stat(filepath.Join(s.Root, "/"), &own))
	if err != nil {
		// Without root the processes of others cannot be looked at, nor access to their files granted.
		return errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0
	}
	if exe.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 || root.Dev != own.Dev || root.Ino != own.Ino {
		return false
	}
	ids := strings.Fields(statusOf(dir, "Uid"))
	id := strconv.FormatUint(uint64(uid), 10)
	return len(ids) == 4 && !slices.ContainsFunc(ids, func(one string) bool { return one != id })
}

// title returns the command line of a process, which PM2 overwrites with a title.
func title(dir string) string {
	data, err := readLimited(filepath.Join(dir, "cmdline"), 64<<10)
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(bytes.ReplaceAll(data, []byte{0}, []byte{' '}), " "))
}

func environ(dir, name string) string {
	data, err := readLimited(filepath.Join(dir, "environ"), maxEnviron)
	if err != nil {
		return ""
	}
	for one := range bytes.SplitSeq(data, []byte{0}) {
		if value, ok := bytes.CutPrefix(one, []byte(name+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// umaskOf returns the umask of a process, or -1.
func umaskOf(dir string) int {
	if n, err := strconv.ParseUint(statusOf(dir, "Umask"), 8, 16); err == nil {
		return int(n)
	}
	return -1
}

// statusOf returns a field of the status of a process, or "".
func statusOf(dir, name string) string {
	data, err := readLimited(filepath.Join(dir, "status"), 64<<10)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
