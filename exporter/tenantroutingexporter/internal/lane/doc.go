// Package lane holds what a gateway has accepted until its destinations have it.
//
// A lane is the queue, retry clock and circuit breaker of one tenant, signal and
// destination. All lanes share one [Scheduler], which lends them workers: a lane
// that waits for a retry, or whose destination hangs, holds none of the workers
// that others could use, and lanes with work take turns batch by batch whatever
// their backlog. Nothing here knows of collectors, protocols or files.
package lane
