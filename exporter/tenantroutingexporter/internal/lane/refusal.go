package lane

// Refusal is why the destinations of a payload would refuse it. It is not sent to them: a
// lane treats it as refused when its turn comes. It does not outlive a restart, after
// which the destination itself refuses the payload.
type Refusal struct {
	Reason string // a short, enumerable word for metrics
	Err    error  // what an operator may read
}

// deliver makes an attempt, unless it is known that the destination refuses the batch, of
// which all payloads have the same refusal.
func deliver(a *attempt, entries []*Payload) Result {
	if r := entries[0].Refusal; r != nil {
		return Result{Verdict: Refused, Reason: r.Reason, Err: r.Err, Rejected: a.batch.Records}
	}
	return a.target.Send(a.ctx, a.batch)
}
