// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpc"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail"
)

// dropped counts records that were dropped because the next consumer permanently rejected them. It is
// safe for concurrent use.
type dropped struct {
	mu   sync.Mutex
	lost int64
	why  error // of the last ones
	loss condition.Growth
}

// add counts records that were dropped.
func (d *dropped) add(records int, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost += int64(records)
	d.why = why
}

func (d *dropped) findings(now time.Time) []condition.Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, since := d.loss.Look(d.lost, now, condition.LossHold)
	if n == 0 {
		return nil
	}
	return []condition.Finding{{
		Name: condition.DataDropped, Since: since,
		Message: fmt.Sprintf("Log records dropped since %s, because the pipeline permanently rejected them: %d; the last reason: %v", since.UTC().Format(time.TimeOnly+"Z"), n, d.why),
	}}
}

// logsWatch reports what keeps log files from being read.
type logsWatch struct {
	cfg     *Config
	tailer  *tail.Tailer
	roster  *roster.Roster // nil if PM2 is not asked
	dropped *dropped
	include []string
	now     func() time.Time
}

func (w *logsWatch) findings() []condition.Finding {
	all := w.dropped.findings(w.now())
	all = append(all, w.ofFiles(w.tailer.Faults())...)
	var silent, unlisted []roster.Silent
	for _, s := range w.roster.Silent() {
		switch {
		case s.Reason == rpc.ErrDenied.Error() && s.Saved:
			// A saved list is sufficient if this process may not ask PM2.
		case s.Reason == rpc.ErrDenied.Error() && !w.cfg.Metrics.Enabled:
			// Nothing needs the socket, so the operator has not given access to it. The files in
			// `logs` are read without a list.
			unlisted = append(unlisted, s)
		case s.Reason == rpc.ErrAbsent.Error() && len(w.cfg.Include) > 0:
			// The list would only add names, and these files may be those of containers.
		default:
			silent = append(silent, s)
		}
	}
	// Of two findings with one name the first counts.
	all = append(all, ofDaemons(silent, w.lacks(silent))...)
	warnings := ofDaemons(unlisted, w.lacks(unlisted))
	for i := range warnings {
		warnings[i].Warning = true
	}
	return append(all, warnings...)
}

// lacks returns what daemons that do not answer do not return.
func (w *logsWatch) lacks(silent []roster.Silent) lack {
	l := lack{what: "no list of log files"}
	if len(w.cfg.Include) == 0 && slices.ContainsFunc(silent, func(s roster.Silent) bool { return !s.Listed }) {
		l.effect = "; files outside of its folder `logs` are not read"
	}
	if l.metrics = w.cfg.Metrics.Enabled; l.metrics {
		l.what += " and no metrics" // which come from the same answer
	}
	return l
}

// ofFiles returns the faults of files.
func (w *logsWatch) ofFiles(f tail.Faults) (all []condition.Finding) {
	switch {
	case f.Home == nil:
	case errors.Is(f.Home, fs.ErrNotExist):
		found := condition.Finding{Name: condition.PM2NotFound, Message: "There is no home folder of PM2: " + f.Home.Error()}
		if f.OtherHomes {
			found.Cause, found.Message = condition.SomeHomes, "A home folder of PM2 does not exist: "+f.Home.Error()
			found.Fix = "Correct `PM2_HOME` (`home` of the `pm2` receiver), or remove it if `homes` finds the folders of all daemons."
		}
		all = append(all, found)
	default:
		all = append(all, condition.Finding{Name: condition.LogFilesUnreadable, Cause: "home", Message: "Cannot access the home folder of PM2: " + f.Home.Error()})
	}
	if f.Find != nil {
		all = append(all, condition.Finding{Name: condition.LogFilesUnreadable, Cause: "folder", Message: "Cannot look for log files: " + oneLine(f.Find)})
	}
	if f.Unreadable > 0 {
		message := fmt.Sprintf("Cannot read log files (%d): %s", f.Unreadable, condition.Paths(f.Paths))
		if f.ReadError != nil {
			message += ": " + oneLine(f.ReadError)
		}
		all = append(all, condition.Finding{Name: condition.LogFilesUnreadable, Cause: "file", Message: message})
	}
	if f.Following == 0 && (f.Home == nil || f.OtherHomes) && f.Find == nil {
		all = append(all, condition.Finding{Name: condition.LogFilesMissing, Message: "There is no log file to read, looked for " + condition.Paths(w.include)})
	}
	if f.Rejected > 0 {
		all = append(all, condition.Finding{
			Name: condition.PipelineRefuses, Since: f.RejectedSince,
			Message: fmt.Sprintf("The pipeline rejects log records, which wait in their files (%d): %s: %s", f.Rejected, condition.Paths(f.RejectedPaths), oneLine(f.RejectedError)),
		})
	}
	if f.NotReadCount > 0 {
		paths := make([]string, len(f.NotRead))
		for i, n := range f.NotRead {
			paths[i] = fmt.Sprintf("%s (%s)", n.Path, n.Reason)
		}
		all = append(all, condition.Finding{
			Name: condition.LogFilesNotRead, Cause: string(f.NotRead[0].Reason), Fix: fixOfNotRead(f.NotRead),
			Message: fmt.Sprintf("%d log files of PM2 are not read: %s", f.NotReadCount, condition.Paths(paths)),
		})
	}
	if f.SaveError != nil {
		cause := ""
		if diskspace.IsFull(f.SaveError) {
			cause = "disk_full"
		}
		all = append(all, condition.Finding{
			Name: condition.CheckpointNotSaved, Cause: cause,
			Message: fmt.Sprintf("Checkpoints were not saved for %v: %s", f.CheckpointAge.Round(time.Second), oneLine(f.SaveError)),
		})
	}
	return all
}

// fixOfNotRead returns what to do about files that are not read, once for each reason, or "" if only the general
// fix applies.
func fixOfNotRead(files []tail.NotRead) string {
	var fixes []string
	for _, f := range files {
		fix := ""
		switch f.Reason {
		case admit.Unreadable:
			fix = "Run `tenantctl setup`, which gives the agent's user access to the log files of the list that `pm2 save` wrote."
		case admit.NotIncluded:
			fix = "Add the files to `include`, or to `exclude` if they are not needed."
		case admit.OtherOwner:
			fix = "Make the user of PM2 the owner of the file, or add it to `exclude` if it is not needed."
		case admit.LinkTarget:
			fix = "Replace the link by the real path in PM2's configuration, or make the user of PM2 the owner of its target."
		}
		if fix != "" && !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	return strings.Join(fixes, " ")
}

// oneLine returns the text of an error, which may be joined of several, on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// lack is what a daemon that does not answer does not return, and what follows.
type lack struct {
	what, effect string
	metrics      bool // metrics are wanted, which only the daemon has
}

// ofDaemons returns a finding about daemons that do not answer.
func ofDaemons(silent []roster.Silent, l lack) []condition.Finding {
	if len(silent) == 0 {
		return nil
	}
	homes := make([]string, len(silent))
	for i, s := range silent {
		homes[i] = s.Home
	}
	first := silent[0]
	return []condition.Finding{{
		Name: condition.PM2Unreachable, Cause: first.Reason, Fix: fixOfDaemon(&first, l.metrics),
		Message: fmt.Sprintf("PM2 in %s returns %s: %s%s", condition.Paths(homes), l.what, oneLine(first.Err), l.effect),
	}}
}

// fixOfDaemon returns what to do about a daemon that does not answer, or "" if only the general
// fix applies. Without metrics the list that `pm2 save` writes is as good as an answer.
func fixOfDaemon(s *roster.Silent, metrics bool) string {
	switch {
	case s.Reason == rpc.ErrAbsent.Error() && !metrics:
		return "Start PM2 as the user whose home folder `PM2_HOME` names. On a machine without PM2 run `tenantctl setup --without-pm2`."
	case s.Reason == rpc.ErrAbsent.Error():
		return "Start PM2 as the user whose home folder `PM2_HOME` names. On a machine without PM2 run `tenantctl setup --without-pm2`, or set `PM2_METRICS=false` if the receiver reads other files."
	case s.Reason == rpc.ErrDenied.Error() && !metrics && s.Unreadable:
		return "Run `tenantctl setup`, which lets the agent's user read the list in `dump.pm2`."
	case s.Reason == rpc.ErrDenied.Error() && !metrics:
		return "Run `pm2 save` as the user of PM2, which writes the list to a file, and again after each change of applications. If the condition lasts, run `tenantctl setup`, which lets the agent's user read the file."
	case s.Reason == rpc.ErrDenied.Error():
		return "Run the agent as the user of PM2, or start PM2 with `PM2_SOCKET_USER` and `PM2_SOCKET_GROUP`, or do without metrics of processes: set `PM2_METRICS=false` and run `pm2 save`, which writes the list to a file."
	}
	return ""
}

// findings returns what keeps processes from having metrics.
func (r *metricsReceiver) findings() []condition.Finding {
	if silent := r.silent.Load(); silent != nil {
		all := ofDaemons(*silent, lack{what: "no metrics", metrics: true})
		for i := range all {
			all[i].Minor = true // the logs receiver knows more
		}
		return all
	}
	return nil
}
