// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import "slices"

// suppression is a rule: while the cause lasts, the consequence is not shown, because the
// cause explains it. An operator then sees one condition, with the fix that helps.
type suppression struct {
	cause       Name
	consequence Name
	// only are the causes of the consequence that the rule is for. None means all.
	only []string
	// unless is a cause of the cause that the rule is not for.
	unless string
}

// SomeHomes is the cause of [PM2NotFound] if there are home folders of other daemons.
const SomeHomes = "some"

// suppressions are the rules. A consequence may have other causes: when the cause ends, it
// is shown after the usual time.
//
// Not in the table:
//   - DataDropped, because a loss is never hidden.
//   - QueueOld and QueueAlmostFull, because the operator sets their limits, and they show
//     how far any other condition has gone.
//   - GatewayRefuses, GatewayBusy and GatewayUnreachable among each other, because they may
//     be about different destinations.
//   - LogFilesMissing while PM2's daemon does not run: the folder may also be the wrong one.
var suppressions = []suppression{
	// Without its home, PM2 has no socket to connect to and no folder of logs.
	{cause: PM2NotFound, consequence: PM2Unreachable, only: []string{"absent"}, unless: SomeHomes},
	{cause: PM2NotFound, consequence: LogFilesMissing, unless: SomeHomes},
	// The socket is in the home.
	{cause: LogFilesUnreadable, consequence: PM2Unreachable, only: []string{"denied"}},

	// A request without the key is not sent.
	{cause: KeyNotSent, consequence: DestinationInvalid, only: []string{"key_not_sent"}},
	// An old key is rejected.
	{cause: KeyFileFailed, consequence: GatewayRefuses, only: []string{"http_401", "grpc_unauthenticated"}},

	// A request that comes back is answered by this process, with the fault that it causes.
	{cause: FeedbackLoop, consequence: GatewayRefuses},
	{cause: FeedbackLoop, consequence: GatewayBusy},
	{cause: FeedbackLoop, consequence: GatewayUnreachable},

	// Writes fail on a full disk.
	{cause: StorageFull, consequence: StorageFailed, only: []string{"queue_write"}},
	{cause: StorageFull, consequence: CheckpointNotSaved, only: []string{"disk_full"}},

	// The exporter rejects what it cannot queue.
	{cause: StorageFull, consequence: PipelineRefuses},
	{cause: StorageFailed, consequence: PipelineRefuses},
	{cause: QueueAlmostFull, consequence: PipelineRefuses},
}

// matches reports whether a finding is a consequence by the rule.
func (s *suppression) matches(f *Finding) bool {
	return f.Name == s.consequence && (len(s.only) == 0 || slices.Contains(s.only, f.Cause))
}

// explained is how a finding is explained by other conditions.
type explained int

const (
	// notExplained findings have no cause in the table.
	notExplained explained = iota
	// maybeExplained findings have a cause that was found and whose condition has not begun.
	maybeExplained
	// isExplained findings have a cause whose condition lasts.
	isExplained
)

// explain returns how a finding is explained by the other conditions of all components.
func explain(f *Finding, states map[key]*state) explained {
	result := notExplained
	for i := range suppressions {
		rule := &suppressions[i]
		if !rule.matches(f) {
			continue
		}
		for k, st := range states {
			switch {
			case k.name != rule.cause, rule.unless != "" && rule.unless == st.Cause:
			case st.active:
				return isExplained
			case st.matched:
				result = maybeExplained
			}
		}
	}
	return result
}
