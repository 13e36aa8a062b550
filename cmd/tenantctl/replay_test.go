// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// answering takes the place of a gateway: it answers the next request about dir.
func answering(t *testing.T, dir string, answer func(*deadletter.Job)) {
	requests, err := deadletter.OpenRequestQueue(dir)
	require.NoError(t, err)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		var job *deadletter.Job
		assert.Eventually(t, func() bool {
			var err error
			job, err = requests.Next(time.Now())
			return !assert.NoError(t, err) || job != nil || ctx.Err() != nil
		}, 30*time.Second, time.Millisecond)
		if job != nil {
			answer(job)
		}
	}()
}

func replayedGroup(id, destination, signal string, sent, rejected, remaining int, message string) operate.ReplayedGroup {
	return operate.ReplayedGroup{
		Tenant: id, Destination: destination, Signal: signal, Sent: sent, Rejected: rejected, Remaining: remaining, Message: message,
	}
}

func TestDeadLetterReplay_ByTheGateway(t *testing.T) {
	type groups = []deadletter.GroupReport
	sent := deadletter.GroupReport{Tenant: "tenant-a", Destination: "loki", Signal: "logs", Sent: 2}
	for name, c := range map[string]struct {
		report deadletter.Report
		code   int
		err    string // in what it says
		out    []operate.ReplayedGroup
	}{
		"all":     {deadletter.Report{Groups: groups{sent}}, exitOK, "", []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 2, 0, 0, "")}},
		"none":    {deadletter.Report{}, exitOK, "", []operate.ReplayedGroup{}},
		"refused": {deadletter.Report{Groups: groups{sent, {Tenant: "b", Destination: "vl", Signal: "logs", Rejected: 1, Left: 1, Message: "HTTP status 400: no\x1b[31m"}}}, exitFailure, "Note: logs of tenant b for vl: HTTP status 400: no\ufffd[31m\ntenantctl: 1 dead letter is left", []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 2, 0, 0, ""), replayedGroup("b", "vl", "logs", 0, 1, 1, "HTTP status 400: no\x1b[31m")}},
		"away":    {deadletter.Report{Groups: groups{{Tenant: "b", Destination: "vl", Signal: "logs", Left: 7, Message: "connection refused"}}}, exitFailure, "7 dead letters are left", []operate.ReplayedGroup{replayedGroup("b", "vl", "logs", 0, 0, 7, "connection refused")}},
		"skipped": {deadletter.Report{Groups: groups{{Tenant: "b", Destination: "vl", Signal: "logs", Skipped: 1, Message: "letters were written just now; repeat the command"}}}, exitFailure, "letters were written just now; repeat the command\ntenantctl: 1 file is skipped", []operate.ReplayedGroup{}},
		"damaged": {deadletter.Report{Groups: groups{{Tenant: "b", Destination: "vl", Signal: "logs", Sent: 1, Damaged: 2, Message: "x.replay: line 1: not a dead letter"}}}, exitFailure, "line 1: not a dead letter\ntenantctl: 2 damaged lines are left", []operate.ReplayedGroup{replayedGroup("b", "vl", "logs", 1, 0, 0, "x.replay: line 1: not a dead letter")}},
		"failed":  {deadletter.Report{Groups: groups{sent}, Error: "the gateway is shutting down"}, exitFailure, "the gateway: the gateway is shutting down", []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 2, 0, 0, "")}},
	} {
		t.Run(name, func(t *testing.T) {
			cli, dir := newCLI(t), t.TempDir()
			letters(t, dir, "tenant-a", "loki", "1", "2")
			answering(t, dir, func(job *deadletter.Job) {
				assert.Equal(t, deadletter.Filter{Tenant: "tenant-a", Signal: "logs"}, job.Filter)
				c.report.Time, c.report.Done = time.Now(), true
				assert.NoError(t, job.Report(&c.report))
			})
			r := cli.run("deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--signal", "logs", "-o", "json")
			assert.Equal(t, c.code, r.code)
			assert.Contains(t, r.err, c.err)
			var out []operate.ReplayedGroup
			require.NoError(t, json.Unmarshal([]byte(r.out), &out))
			assert.Equal(t, c.out, out)
		})
	}
}

func TestDeadLetterReplay_WithoutAGateway(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	args := []string{"deadletter", "replay", "--directory", dir}
	assert.Equal(t, "[]\n", c.ok(append(args, "-o", "json")...), "there is nothing to do")
	letters(t, dir, "tenant-a", "loki", "1", "2")
	c.fails(exitFailure, "no gateway has run with this dead_letter::directory; to send dead letters without a gateway, give --destination NAME and --endpoint URL", args...)
	assert.Regexp(t, `tenant-a +loki +logs +0 +0 +2\n$`, c.ok(append(args, "--dry-run")...))
}

// A name with a typing error is not a replay that has nothing to do.
func TestDeadLetterReplay_OfAnUnknownTenant(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	letters(t, dir, "tenant-a", "loki", "1")
	replay := []string{"deadletter", "replay", "--directory", dir}
	for _, mode := range [][]string{nil, {"--dry-run"}, {"--endpoint", "http://x/{tenant}"}} {
		args := slices.Concat(replay, mode)
		c.fails(exitFailure, `there is no folder for tenant "nosuch"`, append(args, "--tenant", "nosuch")...)
		c.fails(exitFailure, `there is no folder for destination "nosuch"`, append(args, "--destination", "nosuch")...)
		c.fails(exitFailure, `there is no folder for tenant "tenant-a", destination "nosuch"`, append(args, "--tenant", "tenant-a", "--destination", "nosuch")...)
	}
	r := c.run("deadletter", "list", "--directory", dir, "--tenant", "nosuch")
	assert.Equal(t, exitOK, r.code)
	assert.Contains(t, r.err, `Note: there are no dead letters of tenant "nosuch".`)

	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*.jsonl"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(files[0]))
	r = c.run(append(replay, "--tenant", "tenant-a", "--dry-run")...)
	assert.Equal(t, exitOK, r.code, "there were some")
	assert.Contains(t, r.err, "Note: there are no dead letters to replay.")

	answering(t, dir, func(job *deadletter.Job) {
		assert.NoError(t, job.Report(&deadletter.Report{Time: time.Now(), Done: true, Error: `no such tenant: "nosuch" is not in the registry`}))
	})
	c.fails(exitFailure, `the gateway: no such tenant: "nosuch" is not in the registry`, append(replay, "--tenant", "nosuch")...)
}

// Ctrl-C withdraws the request, and what the gateway has done until then is shown.
func TestDeadLetterReplay_Interrupted(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	letters(t, dir, "tenant-a", "loki", "1", "2")
	report := deadletter.Report{Groups: []deadletter.GroupReport{{Tenant: "tenant-a", Destination: "loki", Signal: "logs", Sent: 1, Left: 1}}}
	ctx, interrupt := context.WithCancel(t.Context())
	answering(t, dir, func(job *deadletter.Job) {
		report.Time = time.Now()
		assert.NoError(t, job.Report(&report))
		interrupt()
		assert.Eventually(t, job.Withdrawn, 30*time.Second, time.Millisecond)
		report.Time, report.Done, report.Error = time.Now(), true, "the request was withdrawn"
		assert.NoError(t, job.Report(&report))
	})
	var out, errs bytes.Buffer
	code := run(ctx, []string{"--registry", c.path, "deadletter", "replay", "--directory", dir}, streams{out: &out, err: &errs})
	assert.Equal(t, exitFailure, code)
	assert.Regexp(t, `tenant-a +loki +logs +1 +0 +1\n$`, out.String())
	assert.Contains(t, errs.String(), "tenantctl: interrupted")
}
