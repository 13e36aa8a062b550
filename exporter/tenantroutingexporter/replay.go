// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	replayPoll = time.Second

	// replayAttempts is how often a dead letter is tried if its destination answers with a retryable error. The
	// delays in between are those of "retry".
	replayAttempts = 4

	// maxReplayWait bounds the delay that a destination can ask for.
	maxReplayWait = 30 * time.Second

	// replayQuietPeriod is how long a file of dead letters must not have been written to. The exporter has
	// closed it by then, so this is for a write in progress.
	replayQuietPeriod = time.Second
)

// errDelta is the error of dead letters with delta points for a destination that gets totals. Dead letters of
// that destination have totals, unless they are older than its setting.
var errDelta = errors.New("has delta points, but the destination accepts totals only, and these have advanced since")

// followReplays handles the requests of tenantctl, one after the other.
func (r *router) followReplays(requests *deadletter.RequestQueue) {
	ticker := time.NewTicker(replayPoll)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case now := <-ticker.C:
			_ = r.recovery.Run("replaying dead letters", func() { r.nextReplay(requests, now) })
		}
	}
}

func (r *router) nextReplay(requests *deadletter.RequestQueue, now time.Time) {
	job, err := requests.Next(now)
	if err != nil {
		r.set.Logger.Warn("Failed to read a request to replay dead letters", zap.Error(err))
		return
	}
	if job == nil {
		return
	}
	re := &replay{router: r, job: job}
	if bug := r.recovery.Run("replaying dead letters", func() { err = re.run() }); bug != nil {
		err = bug
	}
	if err != nil {
		re.report.Error = err.Error()
	}
	sent, remaining := 0, 0
	for _, g := range re.report.Groups {
		sent, remaining = sent+g.Sent, remaining+g.Left
	}
	r.set.Logger.Info("Replayed dead letters", zap.Int("sent", sent), zap.Int("left", remaining), zap.Error(err))
	r.letters.scan(time.Now())
	re.report.Done = true
	if err := re.write(); err != nil {
		r.set.Logger.Warn("Failed to write the report of a replay", zap.Error(err))
	}
}

// replay is a request in progress.
type replay struct {
	*router
	job *deadletter.Job

	mu     sync.Mutex
	report deadletter.Report
}

func (re *replay) run() error {
	directory := re.cfg.DeadLetter.Get().Directory
	unlock, err := deadletter.Lock(directory)
	if err != nil {
		return err
	}
	defer func() {
		if err := unlock(); err != nil {
			re.set.Logger.Warn("Failed to unlock the dead letters", zap.Error(err))
		}
	}()
	ctx, cancel := context.WithCancelCause(context.Background())
	var beats sync.WaitGroup
	defer beats.Wait()
	defer cancel(nil)
	re.recovery.Go(&beats, "watching a replay", func() {
		defer cancel(errReplayEnded) // do not continue a replay that cannot be withdrawn
		re.beat(ctx, cancel)
	})
	re.letters.Sweep(time.Now())
	groups, err := deadletter.Find(directory, re.job.Filter)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return re.known()
	}
	for i := range groups {
		re.show(i, deadletter.GroupReport{
			Tenant: string(groups[i].Tenant), Destination: groups[i].Destination, Signal: groups[i].Signal.String(), Left: groups[i].Requests,
		})
	}
	for i := range groups {
		re.group(ctx, i, &groups[i])
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// known returns an error if a request without dead letters names a destination or tenant that does not exist.
func (re *replay) known() error {
	if name := re.job.Destination; name != "" && re.plans.destinations[name] == nil {
		return fmt.Errorf("no such destination: %q; the destinations are %s", name, strings.Join(slices.Sorted(maps.Keys(re.plans.destinations)), ", "))
	}
	if re.registry == nil { // any name may be a tenant
		return nil
	}
	dir := re.directory()
	if dir == nil {
		return rejection.Of(rejection.NotLoaded)
	}
	if id := re.job.Tenant; id != "" && dir.Tenant(tenant.ID(id)) == nil {
		return fmt.Errorf("no such tenant: %q is not in the registry", id)
	}
	return nil
}

var (
	errWithdrawn   = errors.New("the request was withdrawn")
	errReplayEnded = errors.New("the gateway is shutting down")
)

// beat writes the report regularly, and cancels the replay if the client withdraws it.
func (re *replay) beat(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(deadletter.Heartbeat)
	defer ticker.Stop()
	for {
		if re.job.Withdrawn() {
			cancel(errWithdrawn)
			return
		}
		if err := re.write(); err != nil {
			cancel(fmt.Errorf("failed to write the report: %w", err))
			return
		}
		select {
		case <-re.stop:
			cancel(errReplayEnded)
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (re *replay) write() error {
	re.mu.Lock()
	defer re.mu.Unlock()
	re.report.Time = time.Now()
	return re.job.Report(&re.report)
}

// show sets the report of group i.
func (re *replay) show(i int, g deadletter.GroupReport) {
	re.mu.Lock()
	defer re.mu.Unlock()
	if i == len(re.report.Groups) {
		re.report.Groups = append(re.report.Groups, g)
	}
	re.report.Groups[i] = g
}

// group sends the dead letters of g, the oldest first, until one cannot be delivered at present. A dead
// letter that is rejected permanently does not stop the others.
func (re *replay) group(ctx context.Context, i int, g *deadletter.Group) {
	shown := deadletter.GroupReport{Tenant: string(g.Tenant), Destination: g.Destination, Signal: g.Signal.String(), Left: g.Requests}
	show := func() { re.show(i, shown) }
	send := func(ctx context.Context, request []byte, n deadletter.Note) error {
		err := re.send(ctx, g, request, n)
		switch {
		case err == nil:
			shown.Sent++
			shown.Left--
		case errors.Is(err, deadletter.ErrRejected):
			shown.Rejected++
		}
		if err != nil {
			shown.Message = err.Error()
		}
		show()
		return err
	}
	// Dead letters that are written from now on are not replayed: open files would be written to after they
	// were removed.
	re.letters.Sweep(time.Now())
	o, err := deadletter.Replay(ctx, g, time.Now().Add(deadletter.QuietPeriod-replayQuietPeriod), send)
	shown.Sent, shown.Rejected, shown.Left = o.Sent, o.Rejected, g.Requests-o.Sent
	shown.Skipped, shown.Damaged = o.Skipped, o.Damaged.Lines
	switch {
	case err != nil && shown.Message == "":
		shown.Message = err.Error()
	case o.Skipped > 0 && shown.Message == "":
		shown.Message = "dead letters were written within the last minutes; repeat the command later"
	case o.Damaged.Lines > 0 && shown.Message == "":
		shown.Message = o.Damaged.First[0].String()
	}
	show()
}

// send sends one dead letter as a lane would. Its error wraps deadletter.ErrRejected if it concerns this dead
// letter alone.
func (re *replay) send(ctx context.Context, g *deadletter.Group, request []byte, n deadletter.Note) error {
	re.restoreTenant(g.Tenant)
	target := re.plans.target(re.directory(), lane.Key{Tenant: g.Tenant, Destination: g.Destination, Signal: g.Signal})
	if target == nil {
		return errors.New("the tenant is not in the registry, or the destination is not configured")
	}
	data, records, err := deadletter.Proto(g.Signal, request)
	if err != nil {
		return rejectedLetter(err)
	}
	if g.Signal == tenant.Metrics && re.plans.destinations[g.Destination].Cumulative() {
		if md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data); err != nil || cumulative.Needs(md) {
			return rejectedLetter(errors.Join(err, errDelta))
		}
	}
	parts, err := re.fit([]lane.Part{{
		Payload: &lane.Payload{Tenant: g.Tenant, Signal: g.Signal, Records: records, Data: data, Size: len(data), Accepted: n.Time},
		Routes:  []lane.Route{{Destination: g.Destination, Target: target}},
	}})
	if err != nil {
		return rejectedLetter(err)
	}
	for _, part := range parts {
		if err := re.deliver(ctx, target, lane.NewBatch(g.Destination, part.Payload)); err != nil {
			return err
		}
	}
	return nil
}

// deliver makes attempts until one has a final result.
func (re *replay) deliver(ctx context.Context, target lane.Target, b *lane.Batch) error {
	wait := re.cfg.Retry.InitialInterval
	for attempt := 1; ; attempt++ {
		res := target.Send(ctx, b)
		switch {
		case res.Verdict == lane.Delivered && res.Rejected > 0:
			return rejectedLetter(fmt.Errorf("the destination accepted only part of the request, and another replay sends all of it: %w", res.Err))
		case res.Verdict == lane.Delivered:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case res.Verdict == lane.Rejected, res.Verdict == lane.TooLarge:
			return rejectedLetter(res.Err)
		case res.Verdict != lane.Retry, attempt == replayAttempts:
			return res.Err
		}
		timer := time.NewTimer(max(wait, min(res.RetryAfter, maxReplayWait)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
		wait = min(2*wait, re.cfg.Retry.MaxInterval)
	}
}

func rejectedLetter(err error) error { return fmt.Errorf("%w: %w", deadletter.ErrRejected, err) }
