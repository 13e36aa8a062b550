// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package logname reads the names of PM2's log files and of their rotated copies.
package logname

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

// DaemonLog is the base name of the log of PM2's daemon.
const DaemonLog = "pm2.log"

// Name is what is known of a log file without reading it. [Parse] fills in what the file
// name says; the list of processes that PM2 keeps knows more.
type Name struct {
	// App is the name of the application, as far as a file name can say it.
	App string
	// Stderr is true for a file of the stream stderr. It means nothing if Combined is set.
	Stderr bool
	// Combined is true for a file that may hold both streams.
	Combined bool
	// ProcessID is PM2's number of the process, or envelope.NoProcess.
	ProcessID int64
	// Daemon is true for the log of PM2's daemon.
	Daemon bool
	// Fork is true if PM2 runs all processes that write to the file in fork mode.
	Fork bool
	// Path is the path of the file.
	Path string
	// Home is the folder of the daemon that writes the file, or "" if that is unknown.
	Home string
}

// stream matches what the names of the files of one stream end in. PM2 writes out and
// error, the other words are in common use for out_file and error_file.
const stream = `(?:out|output|stdout|err|errs|error|errors|stderr)`

var (
	streamName = regexp.MustCompile(`(?i)^(?:(.+)[-_.])?(` + stream + `)(?:[-_.](\d+))?\.(?:log|txt)$`)
	// extensionName matches names of which the stream is the extension.
	extensionName = regexp.MustCompile(`(?i)^(.+)\.(out|err|stdout|stderr)$`)
	// datedName matches what logrotate makes of a stream's name if it keeps the extension:
	// x-out.1.log, x-out-20261121.log.
	datedName = regexp.MustCompile(`(?i)^((?:.+[-_.])?` + stream + `(?:-\d+)?)(?:\.\d{1,3}|[-._]20\d\d-?\d\d-?\d\d[-_.T\d]*)\.log(?:\.gz)?$`)
	// stampedName matches what pm2-logrotate makes of a stream's name. Its dateFormat is free
	// text, but a name without two digits in a row is more likely an application's own.
	stampedName  = regexp.MustCompile(`(?i)^(pm2|(?:.+[-_.])?` + stream + `(?:-\d+)?)__.*\d\d.*\.log(?:\.gz)?$`)
	combinedName = regexp.MustCompile(`^(.+?)(?:-(\d+))?\.log$`)
	// suffixedName matches what logrotate and similar programs append to a whole file name.
	suffixedName = regexp.MustCompile(`^(.+?)(?:\.gz|\.\d{1,5}|[-._]20\d\d-?\d\d-?\d\d[-_.T:\d]*)$`)
)

// maxOriginals bounds the names that [Originals] returns.
const maxOriginals = 32

// Parse reads the base name of a log file.
func Parse(base string) Name {
	n := Name{ProcessID: envelope.NoProcess, Daemon: base == DaemonLog}
	id := ""
	if m := streamName.FindStringSubmatch(base); m != nil {
		n.App, n.Stderr, id = m[1], isStderr(m[2]), m[3]
		if n.App == "" { // the user chose the name: --error err.log
			n.App = m[2]
		}
	} else if m := extensionName.FindStringSubmatch(base); m != nil {
		n.App, n.Stderr = m[1], isStderr(m[2])
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

// isStderr reports whether a word that stream matches means stderr.
func isStderr(word string) bool {
	word = strings.ToLower(word)
	return word == "stderr" || strings.HasPrefix(word, "err")
}

// Rotated reports whether a base name is that of a copy that pm2-logrotate made, or of a
// file that logrotate renamed without changing its extension. It returns the base name of
// the original.
func Rotated(base string) (original string, ok bool) {
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

// Suffixed reports whether a base name is that of a renamed file whose suffix follows the
// extension (x.log.1, x.log-20261121). It returns the base name of the original.
func Suffixed(base string) (original string, ok bool) {
	if at := strings.LastIndex(base, ".log"); at > 0 && len(base) > at+5 && (base[at+4] == '.' || base[at+4] == '-') {
		return base[:at+4], true
	}
	return "", false
}

// Original returns the base name of the file that a rotated copy was made of, with one
// rotation undone, or base itself if it is not the name of a copy.
func Original(base string) string {
	if from, ok := Rotated(base); ok {
		return from
	}
	if from, ok := Suffixed(base); ok {
		return from
	}
	if m := suffixedName.FindStringSubmatch(base); m != nil {
		return m[1]
	}
	return base
}

// Originals returns base and the base names of all files that base may be a rotated copy
// of. Unlike [Original] it does not decide which one is likely.
func Originals(base string) []string {
	all := []string{base}
	if from, ok := Rotated(base); ok {
		all = append(all, from)
	}
	for at := len(base) - 1; at > 0 && len(all) < maxOriginals; at-- {
		if base[at] == '.' || base[at] == '-' {
			all = append(all, base[:at])
		}
	}
	return all
}

// StreamFiles returns the base names of the files that hold the streams of a combined file
// one by one.
func StreamFiles(combined string) []string {
	m := combinedName.FindStringSubmatch(combined)
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
		all = append(all, m[1]+"-"+stream+id+".log", strings.TrimSuffix(combined, ".log")+"-"+stream+".log")
	}
	return all
}
