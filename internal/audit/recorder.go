// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"time"
)

// Recorder creates the entry of one command and appends it to the log of a
// registry.
type Recorder struct {
	Actor  string // who makes the change, as stated by the caller
	User   string // who makes the change, according to the operating system
	Action string // such as "tenant create"
	Reason string
	Key    string // path of the key file
	Now    func() time.Time

	Restore  RestorePolicy
	NewLog   bool      // move the log of a registry file aside and start a new one
	Accepted *Accepted // added to the entry
}

// RestorePolicy decides what happens to an entry if the log does not continue
// its last known checkpoint, as after restoring a backup.
type RestorePolicy int

const (
	// RestoreRejected rejects the change.
	RestoreRejected RestorePolicy = iota

	// RestoreTolerated adds the entry and keeps the last known checkpoint. It is
	// for changes that revoke a key or end a tenant.
	RestoreTolerated

	// RestoreAccepted adds the entry and makes this log the known one.
	RestoreAccepted
)

func (r *Recorder) entry(v Revision) *Entry {
	return &Entry{
		Time: r.Now().UTC().Truncate(time.Millisecond), Actor: r.Actor, User: r.User, Action: r.Action, Reason: r.Reason,
		Before: Hash(v.BeforeText), After: Hash(v.AfterText), Changes: Diff(v.Before, v.After), Accepted: r.Accepted,
	}
}

// Record adds the entry of a change to the log of a registry. The caller calls
// committed once the change and the entry are durable.
func (r *Recorder) Record(ctx context.Context, s Storage, registry string, v Revision) (committed func() error, err error) {
	l, err := Open(ctx, s, Keys{Path: r.Key, Registry: registry})
	if err != nil {
		return nil, err
	}
	l.policy = r.Restore
	if err := l.Append(ctx, r.entry(v)); err != nil {
		return nil, err
	}
	checkpoint, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return func() error { return l.Committed(checkpoint) }, nil
}

// SystemUser returns the user of this process and the name of the machine, as
// user@host.
func SystemUser() string {
	name := fmt.Sprintf("uid-%d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
