// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package lane queues what a gateway has accepted until its destinations have it.
//
// A lane is the queue, the retry timer and the circuit breaker of one tenant, destination and
// signal. One [Scheduler] owns all lanes and starts their delivery attempts. A lane that waits for
// a retry, or whose destination hangs, occupies no slot that other lanes need. Lanes with work
// alternate batch by batch, however long their queues are. The package does not depend on
// collectors, protocols or files.
//
// An offer is checked against the bounds of the lane, the tenant and the total, is made durable by
// a [Store], and enters the queues of its lanes. A lane with a batch to send enters the run queue of
// its endpoint. Dispatch starts an attempt when there is a slot. The [Verdict] of a [Target]
// completes the batch, puts it into the retry queue, or splits it to find the records that the
// destination rejects.
package lane
