package tail

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

// Name is what the name of one of PM2's log files says.
type Name struct {
	// App is the application, as far as a file name can say it.
	App string
	// Stderr is the stream of the file, if Combined is not set.
	Stderr bool
	// Combined is set for a file that may hold both streams.
	Combined bool
	// ProcessID is PM2's number of the process, or envelope.NoProcess.
	ProcessID int64
	// Daemon is set for the log of PM2 itself.
	Daemon bool
	// Path is the file's.
	Path string
	// Home is the folder of the daemon that writes the file, as far as that is known.
	Home string
}

var (
	streamName = regexp.MustCompile(`^(?:(.+)[-_.])?(out|err|error|stdout|stderr)(?:[-_.](\d+))?\.log$`)
	// datedName is what logrotate makes of a stream's name if it is configured to keep the
	// extension: x-out.1.log, x-out-20261121.log.
	datedName = regexp.MustCompile(`^((?:.+[-_.])?(?:out|err|error|stdout|stderr)(?:-\d+)?)(?:\.\d{1,3}|[-._]20\d\d-?\d\d-?\d\d[-_.T\d]*)\.log(?:\.gz)?$`)
	// stampedName is what pm2-logrotate makes of a stream's name: its dateFormat may be
	// anything, but a name without two digits is somebody's own.
	stampedName  = regexp.MustCompile(`^(pm2|(?:.+[-_.])?(?:out|err|error|stdout|stderr)(?:-\d+)?)__.*\d\d.*\.log(?:\.gz)?$`)
	combinedName = regexp.MustCompile(`^(.+?)(?:-(\d+))?\.log$`)
)

// ParseName reads the base name of a log file.
func ParseName(base string) Name {
	n := Name{ProcessID: envelope.NoProcess, Daemon: base == daemonLog}
	id := ""
	if m := streamName.FindStringSubmatch(base); m != nil {
		n.App, n.Stderr, id = m[1], strings.HasPrefix(m[2], "err") || m[2] == "stderr", m[3]
		if n.App == "" { // a name of the user's: --error err.log
			n.App = m[2]
		}
	} else if m := combinedName.FindStringSubmatch(base); m != nil {
		n.App, n.Combined, id = m[1], true, m[2]
	} else {
		n.App, n.Combined = strings.TrimSuffix(base, filepath.Ext(base)), true
	}
	if pid, err := strconv.ParseInt(id, 10, 64); err == nil {
		n.ProcessID = pid
	}
	return n
}

// Rotated says whether a base name is that of a copy pm2-logrotate made, or of a file
// logrotate moved aside without changing its extension, and returns the name of the file
// it was.
func Rotated(base string) (string, bool) {
	if m := datedName.FindStringSubmatch(base); m != nil {
		return m[1] + ".log", true
	}
	stem, compressed := strings.CutSuffix(base, ".gz")
	if m := stampedName.FindStringSubmatch(base); m != nil && !streamName.MatchString(stem) {
		return m[1] + ".log", true
	}
	at := strings.LastIndex(stem, "__")
	if at <= 0 {
		return "", false
	}
	ext := filepath.Ext(stem)
	if stamp := strings.TrimSuffix(stem[at+2:], ext); len(stamp) < 8 || strings.Trim(stamp, "0123456789-_T:") != "" || ext == "" && !compressed {
		return "", false
	}
	return stem[:at] + ext, true
}

// relative says whether a base name is that of a rotated copy of origin, or of
// origin itself moved aside.
func relative(base, origin string) bool {
	if from, ok := Rotated(base); ok {
		return from == origin
	}
	rest, ok := strings.CutPrefix(base, origin)
	return ok && len(rest) > 1 && (rest[0] == '.' || rest[0] == '-')
}

// halves returns the names of the files that hold the streams of a combined file
// one by one.
func halves(base string) []string {
	m := combinedName.FindStringSubmatch(base)
	if m == nil {
		return nil
	}
	id := ""
	if m[2] != "" {
		id = "-" + m[2]
	}
	var all []string
	for _, stream := range []string{"out", "error", "err"} {
		// The application's own name may end in a number.
		all = append(all, m[1]+"-"+stream+id+".log", strings.TrimSuffix(base, ".log")+"-"+stream+".log")
	}
	return all
}

// besideLog returns where the name of the original ends in that of a file that was
// moved aside (x.log.1, x.log-20261121), or 0.
func besideLog(base string) int {
	if at := strings.LastIndex(base, ".log"); at > 0 && len(base) > at+5 && (base[at+4] == '.' || base[at+4] == '-') {
		return at + 4
	}
	return 0
}
