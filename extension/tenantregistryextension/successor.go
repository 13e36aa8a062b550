// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// forkError reports that the registry of the source is not a successor of the registry
// in force.
type forkError struct {
	reason  string
	command string
}

func (e *forkError) Error() string {
	return fmt.Sprintf("%s. If a backup was restored on purpose, run %q", e.reason, e.command)
}

// checkSuccessor returns a forkError unless a registry may follow the one that was accepted last:
// its history contains that one, or an operator has accepted it. In either case, keys and tenants
// that ended permanently must remain ended.
func (r *registry) checkSuccessor(next *tenant.Snapshot, l loaded) error {
	if r.accepted.snapshot == nil {
		return nil // this gateway has accepted none before
	}
	relation, reason := history.Compare(r.accepted.version, l.version, l.contains)
	command := history.Command(r.accepted.version)
	switch relation {
	case history.Accepted:
		return nil
	case history.Forked:
		return &forkError{"it is not a successor of the registry in force, for example a restored backup or a standby that lags: " + reason, command}
	}
	revived := history.Reactivated(history.IndexOf(r.accepted.snapshot), history.IndexOf(next))
	if relation != history.Untraced {
		revived = revived.Finals()
	}
	if len(revived) > 0 {
		return &forkError{"keys or tenants that were ended would be valid again, as in a restored backup:\n" + revived.Error() + "\n" +
			"To have it accepted, end them there again", command}
	}
	if l.version.Kind == history.KindPostgres && next.Len() == 0 && r.accepted.snapshot.Len() > 0 {
		return &forkError{fmt.Sprintf("it has no tenants any more, and %d are in force", r.accepted.snapshot.Len()), command}
	}
	return nil
}

// fork is another history, as it was when it was read first.
type fork struct {
	version history.Version
	ended   map[tenant.ID]bool // the tenants that were suspended or deleted at that time
}

// restrict puts in force what was ended in a registry that is rejected: an operator
// who revokes a key after a backup was restored expects it to be revoked now.
// Revocations are permanent, so those of any history apply. Suspensions apply only if
// they happened after the history was read first: in a standby that lags, tenants are
// suspended that were resumed since.
func (r *registry) restrict(l loaded, other *tenant.Snapshot) {
	if r.fork == nil || r.fork.version.Registry != l.version.Registry || r.fork.version.Epoch != l.version.Epoch || l.version.Revision < r.fork.version.Revision {
		r.fork = &fork{l.version, make(map[tenant.ID]bool)}
		for t := range other.Tenants() {
			r.fork.ended[t.ID] = t.Status != tenant.StatusActive
		}
	}
	changed := l.version.Registry == r.accepted.version.Registry && l.version.Revision > r.fork.version.Revision &&
		(l.changedAt.IsZero() || l.changedAt.After(r.accepted.changedAt))
	applies := func(e history.Reactivation) bool {
		if e.Key != "" {
			return e.Final
		}
		return changed && !r.fork.ended[e.Tenant]
	}
	known := history.IndexOf(other)
	var any bool
	for _, e := range history.Reactivated(known, history.IndexOf(r.accepted.snapshot)) {
		any = any || applies(e)
	}
	if !any {
		return
	}
	doc, err := registryedit.NewDocument(r.accepted.data)
	var kept history.Reactivations
	if err == nil {
		kept, err = history.EndAgain(doc, known, applies)
	}
	var snapshot *tenant.Snapshot
	if err == nil {
		snapshot, err = r.parser.Parse(doc.Bytes())
	}
	if err != nil {
		r.log.Error("Keys and tenants that were ended in the rejected registry could not be ended in the one in force", zap.Stringer("source", r.store), zap.Error(err))
		return
	}
	r.accepted.content.data, r.accepted.snapshot = doc.Bytes(), snapshot
	r.publish(snapshot)
	r.saveLater(r.accepted.content)
	var ended []string
	for _, e := range kept {
		ended = append(ended, e.String())
	}
	r.log.Warn("Keys and tenants that were ended in the rejected registry are ended in the one in force too", zap.Stringer("source", r.store),
		zap.String("ended", strings.Join(ended[:min(len(ended), faultsPerLine)], "\n")), zap.Int("count", len(ended)))
}
