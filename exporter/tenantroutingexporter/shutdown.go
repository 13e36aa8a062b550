package tenantroutingexporter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

const (
	// closeTimeout is how long files and connections may take to be closed after
	// shutdown_timeout. The collector's own context has no end, and a disk that hangs
	// would hold a shutdown for ever.
	closeTimeout = 10 * time.Second

	// leastClose is how long a shutdown waits for them in any case.
	leastClose = time.Second
)

// shutdown ends within ctx, or leastClose after it. What waits for a disk that hangs goes
// on after it.
func (r *router) shutdown(ctx context.Context) error {
	r.unsubscribe()
	for _, remove := range r.unpost {
		remove()
	}
	close(r.stop)
	ctx, cancel := context.WithTimeout(ctx, r.cfg.ShutdownTimeout+closeTimeout)
	ended := make(chan struct{})
	var ending sync.WaitGroup // nothing waits for it: a disk may hang for ever
	r.recovery.Go(&ending, "shutting down", func() {
		defer cancel()
		defer close(ended)
		r.end(ctx)
	})
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	last := time.NewTimer(leastClose)
	defer last.Stop()
	select {
	case <-ended:
	case <-last.C:
		r.set.Logger.Error("The shutdown goes on without waiting for a disk or a backend that does not answer. What was accepted is in storage; batches that were delivered last may be delivered once more. Look at the disk of these directories",
			zap.Strings("directories", r.directories()))
	}
	return nil
}

// end delivers what it can and closes everything.
func (r *router) end(ctx context.Context) {
	wait := r.cfg.ShutdownTimeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)*3/4) // the rest is for closing
	}
	deliver, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if r.waitForTasks(wait / 4) { // else a queue that is taken over is in use
		r.closeMigrations(context.WithoutCancel(ctx))
	}
	sched := r.scheduler.Load()
	sched.Shutdown(deliver)
	r.reportGivenUp(sched)
	// Returned, an error would end a collector that is asked to read its
	// configuration again.
	if err := errors.Join(r.telemetry.shutdown(), r.close(context.WithoutCancel(ctx))); err != nil {
		r.set.Logger.Error("Not everything could be closed in order; batches that were delivered last may be delivered once more", zap.Error(err))
	}
}

// waitForTasks waits for the goroutines of the router, and says whether they have ended.
// One that writes to a disk that hangs must not keep lanes from being delivered.
func (r *router) waitForTasks(most time.Duration) bool {
	ended := make(chan struct{})
	var waiting sync.WaitGroup
	r.recovery.Go(&waiting, "waiting for tasks", func() {
		r.tasks.Wait()
		close(ended)
	})
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// directories returns the directories that the exporter writes to, as far as they are
// known.
func (r *router) directories() (list []string) {
	if r.stateDir != "" {
		list = append(list, r.stateDir)
	}
	if r.cfg.DeadLetter.HasValue() {
		list = append(list, r.cfg.DeadLetter.Get().Directory)
	}
	for _, d := range r.cfg.Destinations {
		if d.Archive.HasValue() {
			list = append(list, d.Archive.Get().Directory)
		}
	}
	slices.Sort(list)
	return list
}

// reportGivenUp logs what the shutdown lost, since nobody reads the metrics of a
// collector that has ended.
func (r *router) reportGivenUp(sched *lane.Scheduler) {
	lost := make(map[lane.StatsKey]int64)
	for key, st := range sched.Observe() {
		if n := st.Dropped[lane.ReasonShutdown]; n > 0 {
			lost[lane.StatsKey{Destination: key.Destination, Signal: key.Signal}] += n
		}
	}
	for key, n := range lost {
		r.set.Logger.Error("Accepted data was in memory when the collector shut down, could not be delivered and is lost; with `storage` it would have stayed",
			zap.String("destination", key.Destination), zap.Stringer("signal", key.Signal), zap.Int64("records", n))
	}
}

// closeMigrations closes the queues of other exporters. What they hold stays there.
func (r *router) closeMigrations(ctx context.Context) {
	for _, m := range r.migrations.list {
		if err := m.close(ctx); err != nil {
			r.set.Logger.Warn("The sending queue of another exporter could not be closed",
				zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.Error(err))
		}
	}
}

// close closes files and connections.
func (r *router) close(ctx context.Context) error {
	var errs []error
	if r.store != nil {
		errs = append(errs, r.store.Close(ctx))
	}
	if r.letters != nil {
		errs = append(errs, r.letters.Close())
	}
	if r.run != nil {
		errs = append(errs, r.run.Close())
	}
	return errors.Join(append(errs, r.pool.Close())...)
}
