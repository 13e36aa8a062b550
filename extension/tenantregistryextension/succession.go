package tenantregistryextension

import (
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// forkError says that what the source holds is no successor of what is in force.
type forkError struct {
	reason  string
	command string
}

func (e *forkError) Error() string {
	return fmt.Sprintf("%s. If a backup was restored on purpose, run %q", e.reason, e.command)
}

// succeeds returns a forkError unless a registry may follow the one that was taken
// last: its history has that one, or an operator has accepted it. Whatever the
// history says, what was ended for good stays ended.
func (r *registry) succeeds(next *tenant.Snapshot, l loaded) error {
	if r.taken.snapshot == nil {
		return nil // this gateway has taken none before
	}
	relation, reason := history.Judge(r.taken.mark, l.mark, l.contains)
	command := history.Command(r.taken.mark)
	switch relation {
	case history.Accepted:
		return nil
	case history.Forked:
		return &forkError{"it is not a successor of the registry in force, as a restored backup or a standby that lags behind is not: " + reason, command}
	}
	revived := history.Revived(history.Of(r.taken.snapshot), history.Of(next))
	if relation != history.Untraced {
		revived = revived.Finals()
	}
	if len(revived) > 0 {
		return &forkError{"it lets work again what was ended, as a restored backup does:\n" + revived.Error() + "\n" +
			"End it there again, which is enough", command}
	}
	if l.mark.Kind == history.KindPostgres && next.Len() == 0 && r.taken.snapshot.Len() > 0 {
		return &forkError{fmt.Sprintf("it holds no tenant any more, and %d are in force", r.taken.snapshot.Len()), command}
	}
	return nil
}

// fork is another history as it was first seen.
type fork struct {
	mark  history.Mark
	ended map[tenant.ID]bool // the tenants that were suspended or deleted in it then
}

// restrict puts in force what was ended in a registry that is refused: an operator
// who revokes a key after a backup was restored wants it revoked now. Keys are
// revoked for good, so that of any history holds. Of tenants only those count that
// are suspended after the history was first seen: in a standby that lags behind,
// tenants are suspended that were resumed since.
func (r *registry) restrict(l loaded, other *tenant.Snapshot) {
	if r.fork == nil || r.fork.mark.Registry != l.mark.Registry || r.fork.mark.Epoch != l.mark.Epoch || l.mark.Revision < r.fork.mark.Revision {
		r.fork = &fork{l.mark, make(map[tenant.ID]bool)}
		for t := range other.Tenants() {
			r.fork.ended[t.ID] = t.Status != tenant.StatusActive
		}
	}
	changed := l.mark.Registry == r.taken.mark.Registry && l.mark.Revision > r.fork.mark.Revision &&
		(l.changedAt.IsZero() || l.changedAt.After(r.taken.changedAt))
	keep := func(e history.Revival) bool {
		if e.Key != "" {
			return e.Final
		}
		return changed && !r.fork.ended[e.Tenant]
	}
	known := history.Of(other)
	var any bool
	for _, e := range history.Revived(known, history.Of(r.taken.snapshot)) {
		any = any || keep(e)
	}
	if !any {
		return
	}
	doc, err := registryedit.NewDocument(r.taken.data)
	var kept history.Revivals
	if err == nil {
		kept, err = history.Keep(doc, known, keep)
	}
	var snapshot *tenant.Snapshot
	if err == nil {
		snapshot, err = r.parser.Parse(doc.Bytes())
	}
	if err != nil {
		r.log.Error("What was ended in the refused registry cannot be put in force", zap.Stringer("source", r.store), zap.Error(err))
		return
	}
	r.taken.content.data, r.taken.snapshot = doc.Bytes(), snapshot
	r.publish(snapshot)
	r.keep(r.taken.content)
	var ended []string
	for _, e := range kept {
		ended = append(ended, e.String())
	}
	r.log.Warn("What was ended in the refused registry is in force beside the last good one", zap.Stringer("source", r.store),
		zap.String("ended", strings.Join(ended[:min(len(ended), faultsPerLine)], "\n")), zap.Int("count", len(ended)))
}
