package bearerkeyauthextension

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// reportInterval is how often the log is written, if there is something to say.
	reportInterval = 10 * time.Second

	// maxReports bounds the lines of one interval. A line for each refused
	// request, or for each source of a large flood, would fill the disk.
	maxReports = 20

	// maxDelayed bounds the refused requests that wait for their answer.
	maxDelayed = 64
)

// failures is what becomes of requests that are refused: they are counted by
// source, logged in sums, and answered late if their source has had too
// many. No request with a valid key is ever delayed by it, so that a customer's
// wrong agent does no harm to a right one behind the same address.
type failures struct {
	sources   *sources
	delay     time.Duration
	delayed   chan struct{} // holds one for each request that waits
	stopped   chan struct{}
	throttled atomic.Int64
	logger    *zap.Logger
}

func newFailures(cfg FailuresConfig, logger *zap.Logger) (*failures, error) {
	sources, err := newSources(cfg)
	if err != nil {
		return nil, err
	}
	return &failures{
		sources: sources, delay: cfg.Delay, delayed: make(chan struct{}, maxDelayed),
		stopped: make(chan struct{}), logger: logger,
	}, nil
}

// note counts a request from addr that is refused as d, and tells whether its
// source is throttled. known tells whether it has a key of the registry.
func (f *failures) note(addr net.Addr, d decision, known bool, now time.Time) bool {
	if !f.sources.failed(addr, d, known, now) {
		return false
	}
	f.throttled.Add(1)
	return true
}

// wait delays an answer. It does so over HTTP alone: there the body has not been
// read yet, so that a waiting request costs next to nothing, while over gRPC the
// whole message would wait in memory. When too many wait it returns at once. The
// delay is short, since a caller whose time-out runs out sends again, and one
// that gets a 401 does not.
func (f *failures) wait(ctx context.Context, addr net.Addr) {
	if _, http := addr.(*net.IPAddr); !http || f.delay == 0 {
		return
	}
	select {
	case f.delayed <- struct{}{}:
	default:
		return
	}
	defer func() { <-f.delayed }()
	timer := time.NewTimer(f.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-f.stopped:
	}
}

// run writes the log until stop, and has also write to it.
func (f *failures) run(now func() time.Time, also func(now time.Time, last bool)) {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		select {
		case <-f.stopped:
			f.report(now(), true)
			also(now(), true)
			return
		case <-tick.C:
			f.report(now(), false)
			also(now(), false)
		}
	}
}

// stop ends run and all waiting. It must be called once.
func (f *failures) stop() { close(f.stopped) }

func (f *failures) report(now time.Time, last bool) {
	for _, r := range f.sources.reports(now, maxReports, last) {
		fields := []zap.Field{zap.String("source", nameOf(r.source))}
		for d := range numDecisions {
			if n := r.reasons[d]; n > 0 {
				fields = append(fields, zap.Int64(d.String(), n))
			}
		}
		f.logger.Warn("Refused requests without a valid API key", fields...)
	}
}

// nameOfOthers is the name of sources that are not logged one by one.
const nameOfOthers = "others"

func nameOf(source netip.Prefix) string {
	switch {
	case !source.IsValid():
		return nameOfOthers
	case source.IsSingleIP():
		return source.Addr().String()
	}
	return source.String()
}
