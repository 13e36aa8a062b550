// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	// reportInterval is how often rejected requests are logged.
	reportInterval = 10 * time.Second

	// maxReports limits the log lines of one interval. A line for each rejected
	// request, or for each source of a large flood, would fill the disk.
	maxReports = 20

	// maxDelayed limits the rejected requests whose answer is delayed.
	maxDelayed = 64
)

// failures handles requests without a valid key. They are counted by source, logged
// in aggregate, and delayed when their source exceeds the limit. Requests with a valid
// key are never delayed: a misconfigured agent does not affect other agents behind the
// same address.
type failures struct {
	sources   *sources
	delay     time.Duration
	delayed   chan struct{} // one element per delayed request
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

// note counts a request from addr that is rejected with the decision d and reports
// whether its source is throttled. known reports whether its key is in the registry.
func (f *failures) note(addr net.Addr, d decision, known bool, now time.Time) bool {
	if !f.sources.failed(addr, d, known, now) {
		return false
	}
	f.throttled.Add(1)
	return true
}

// wait delays an answer, over HTTP only. Over HTTP the body has not been read yet, so
// that a delayed request needs little memory. Over gRPC the whole message would stay
// in memory. If too many requests are delayed, wait returns immediately. The delay is
// short, because a caller whose timeout expires retries, and a caller that gets a 401
// does not.
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

// run logs rejected requests until stop is called. also is called after each report.
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

// stop ends run and all delays. It must be called once.
func (f *failures) stop() { close(f.stopped) }

func (f *failures) report(now time.Time, last bool) {
	for _, r := range f.sources.reports(now, maxReports, last) {
		fields := []zap.Field{zap.String("source", nameOf(r.source))}
		for d := range numDecisions {
			if n := r.reasons[d]; n > 0 {
				fields = append(fields, zap.Int64(d.String(), n))
			}
		}
		f.logger.Warn("Rejected requests without a valid API key", fields...)
	}
}

// nameOfOthers is the name of sources that are not logged individually.
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
