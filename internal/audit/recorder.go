package audit

import (
	"context"
	"time"
)

// Recorder makes the entry of one command.
type Recorder struct {
	Actor  string // who makes the change, as they say
	User   string // who makes it, as the operating system says
	Action string // such as "tenant create"
	Reason string
	Key    string // path of the key file
	Now    func() time.Time
}

func (r *Recorder) entry(v Revision) *Entry {
	return &Entry{
		Time: r.Now().UTC().Truncate(time.Millisecond), Actor: r.Actor, User: r.User, Action: r.Action, Reason: r.Reason,
		Before: Hash(v.BeforeText), After: Hash(v.AfterText), Changes: Diff(v.Before, v.After),
	}
}

// Record adds the entry of a change to the log of a registry. The caller calls
// committed once change and entry are there for good.
func (r *Recorder) Record(ctx context.Context, s Storage, registry string, v Revision) (committed func() error, err error) {
	l, err := Open(ctx, s, Keys{Path: r.Key, Registry: registry})
	if err != nil {
		return nil, err
	}
	if err := l.Append(ctx, r.entry(v)); err != nil {
		return nil, err
	}
	checkpoint, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return func() error { return l.Committed(checkpoint) }, nil
}
