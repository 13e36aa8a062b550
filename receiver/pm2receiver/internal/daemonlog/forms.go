// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

// form is a kind of message: its fixed parts, and how to read its fields. read reports false for
// a message that only looks like this kind.
type form struct {
	name  string
	parts []string
	read  func(f []string) (Event, bool)
}

// forms are the messages of PM2 4 to 7. The first that matches counts.
var forms = []form{
	{"pm2.process.start", []string{"App [", "] starting in -", " mode-"}, func(f []string) (Event, bool) {
		e, ok := process(f[0])
		return e.with(attributeExecMode, f[1]), ok
	}},
	{"pm2.process.online", []string{"App [", "] online"}, about},
	{"pm2.process.exit", []string{"App [", "] exited with code [", "] via signal [", "]"}, exit},
	{"pm2.process.restart_scheduled", []string{"App [", "] will restart in ", "ms"}, func(f []string) (Event, bool) {
		e, ok := process(f[0])
		return e.delayed(f[1]), ok
	}},
	{"pm2.process.disconnect", []string{"App name:", " id:", " disconnected"}, func(f []string) (Event, bool) { return named(f[0], f[1]) }},
	{"pm2.process.stop", []string{"Stopping app:", " id:", ""}, func(f []string) (Event, bool) { return named(f[0], f[1]) }},
	{"pm2.process.stop_failed", []string{"app=", " id=", " pid=", " could not be stopped"}, func(f []string) (Event, bool) {
		e, ok := named(f[0], f[1])
		return e.withNumber(attributePID, f[2]), ok
	}},
	{"pm2.process.not_running", []string{"app=", " id=", " does not have a pid"}, func(f []string) (Event, bool) { return named(f[0], f[1]) }},
	{"pm2.process.delete", []string{"Deleting process ", ""}, numbered},
	{"pm2.process.max_memory_restart", []string{
		"[PM2][WORKER] Process ", " restarted because it exceeds --max-memory-restart value (current_memory=", " max_memory_limit=", " [octets])",
	}, func(f []string) (Event, bool) {
		e, ok := numbered(f)
		e.Severity = plog.SeverityNumberWarn
		return e.withNumber(attributeMemory, f[1]).withNumber(attributeMemoryLimit, f[2]), ok
	}},
	{"pm2.process.restart_overlimit", []string{"Script ", " had too many unstable restarts (", "). Stopped. ", ""}, func(f []string) (Event, bool) {
		e := Event{ID: envelope.NoProcess, Severity: plog.SeverityNumberError, afterExit: true}
		return e.with(attributeScript, f[0]).withNumber(attributeUnstable, f[1]), true
	}},
	{"pm2.process.watch_restart", []string{"Change detected on path ", " for app ", " - restarting"}, func(f []string) (Event, bool) {
		return Event{App: f[1], ID: envelope.NoProcess}.with(attributeFilePath, f[0]), f[1] != ""
	}},
	{"pm2.process.watch_start", []string{"[Watch] Start watching ", ""}, app},
	{"pm2.process.watch_stop", []string{"[Watch] Stop watching ", ""}, app},
	{"pm2.process.restart_delay_reset", []string{"[PM2][WORKER] Reset the restart delay, as app ", " has been up for more than ", "ms"}, app},
	{"pm2.process.cron_register", []string{"[PM2][WORKER] Registering a cron job on: ", ""}, numbered},
	{"pm2.process.cron_deregister", []string{"[PM2] Deregistering a cron job on: ", ""}, numbered},
	{"pm2.process.reload_logs", []string{"Reloading logs for process id ", ""}, numbered},
	{"pm2.process.reload", []string{"-reload- New worker listening", ""}, noProcess},
	{"pm2.process.reload", []string{"-softReload- New worker listening", ""}, noProcess},
	{"pm2.process.tree_killed", []string{"pid=", " msg=process tree killed (", " pids)"}, pid(0)},
	{"pm2.process.tree_killed", []string{"pid=", " msg=process killed"}, pid(0)}, // up to PM2 6
	{"pm2.process.kill_retry", []string{"pid=", " msg=failed to kill - retrying in ", "ms"}, pid(0)},
	{"pm2.process.kill_failed", []string{"Process with pid ", " could not be killed"}, pid(plog.SeverityNumberError)},
	{"pm2.process.sigkill", []string{"Process with pid ", " still alive after ", "ms, sending SIGKILL to ", " remaining pids..."}, pid(plog.SeverityNumberWarn)},
	{"pm2.process.sigkill", []string{"Process with pid ", " still alive after ", "ms, sending it SIGKILL now..."}, pid(plog.SeverityNumberWarn)}, // up to PM2 6
	{"pm2.daemon.start", []string{"--- New PM2 Daemon started ", ""}, noProcess},
	{"pm2.daemon.error", []string{"--- PM2 global error caught ", ""}, func([]string) (Event, bool) {
		return Event{ID: envelope.NoProcess, Severity: plog.SeverityNumberError}, true
	}},
	{"pm2.daemon.resurrect", []string{"[PM2] Resurrecting PM2", ""}, noProcess},
	{"pm2.daemon.reload_logs", []string{"Reloading logs...", ""}, noProcess},
	{"pm2.daemon.signal", []string{"pm2 has been killed by signal, dumping process list before exit...", ""}, noProcess},
	{"pm2.daemon.stop", []string{"PM2 successfully stopped", ""}, noProcess},
	{"pm2.daemon.stop", []string{"Exited peacefully", ""}, noProcess},
}

// exit reads how a process ended. PM2 writes both a code and a signal, of which Node.js
// reported only one: code 0 means no code, and SIGINT means no signal. Therefore a process that
// SIGINT ended looks like one that exited with code 0.
func exit(f []string) (Event, bool) {
	e, ok := process(f[0])
	code, isCode := exitCode(f[1])
	switch {
	case !ok:
		return e, false
	case !isCode:
		return e.with(attributeSignal, f[2]), true
	case code != 0:
		e.Severity = plog.SeverityNumberWarn
		return e.with(attributeExitCode, code), true
	case f[2] != "SIGINT":
		if f[2] != "SIGTERM" {
			e.Severity = plog.SeverityNumberWarn
		}
		return e.with(attributeSignal, f[2]), true
	}
	return e.with(attributeExitCode, code), true
}

// exitCode parses a code, which is negative if the process could not be started.
func exitCode(text string) (int64, bool) {
	if len(text) > 1 && text[0] == '-' {
		n, ok := number(text[1:])
		return -n, ok
	}
	return number(text)
}

func about(f []string) (Event, bool) { return process(f[0]) }

func app(f []string) (Event, bool) { return Event{App: f[0], ID: envelope.NoProcess}, f[0] != "" }

func noProcess(f []string) (Event, bool) {
	// Dashes follow the title of a banner.
	for i := range len(f[0]) {
		if f[0][i] != '-' {
			return Event{}, false
		}
	}
	return Event{ID: envelope.NoProcess}, true
}

// numbered parses a process that is named by its number only.
func numbered(f []string) (Event, bool) {
	e, ok := named("?", f[0])
	e.App = ""
	return e, ok
}

func pid(severity plog.SeverityNumber) func(f []string) (Event, bool) {
	return func(f []string) (Event, bool) {
		e := Event{ID: envelope.NoProcess, Severity: severity}.withNumber(attributePID, f[0])
		return e, len(e.Attributes) == 1
	}
}

// delayed adds a delay in milliseconds.
func (e Event) delayed(ms string) Event {
	if n, ok := number(ms); ok {
		return e.with(attributeDelay, float64(n)/1000)
	}
	return e
}
