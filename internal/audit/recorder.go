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

	Seen     Seen
	NewLog   bool      // set the log of a registry file aside, and begin another
	Accepted *Accepted // becomes part of the entry
}

// Seen says what to do if the log does not continue the checkpoint seen last, as
// after a backup was restored.
type Seen int

// The values of [Seen].
const (
	SeenMustFollow Seen = iota // make no change
	SeenIgnored                // add the entry, and go on remembering what was seen: for what ends a key or a tenant
	SeenReplaced               // add the entry, and remember this log from now on
)

func (r *Recorder) entry(v Revision) *Entry {
	return &Entry{
		Time: r.Now().UTC().Truncate(time.Millisecond), Actor: r.Actor, User: r.User, Action: r.Action, Reason: r.Reason,
		Before: Hash(v.BeforeText), After: Hash(v.AfterText), Changes: Diff(v.Before, v.After), Accepted: r.Accepted,
	}
}

// Record adds the entry of a change to the log of a registry. The caller calls
// committed once change and entry are there for good.
func (r *Recorder) Record(ctx context.Context, s Storage, registry string, v Revision) (committed func() error, err error) {
	l, err := Open(ctx, s, Keys{Path: r.Key, Registry: registry})
	if err != nil {
		return nil, err
	}
	l.policy = r.Seen
	if err := l.Append(ctx, r.entry(v)); err != nil {
		return nil, err
	}
	checkpoint, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return func() error { return l.Committed(checkpoint) }, nil
}
