// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
)

const (
	// beginTimeout is how long a gateway may take to start. It looks for a request
	// every second and handles one request at a time.
	beginTimeout = 15 * time.Second

	// quietTimeout is how long a gateway may be silent. It reports every second.
	quietTimeout = 30 * time.Second

	// stopTimeout is how long a gateway may take to stop after the caller's context
	// has ended.
	stopTimeout = 5 * time.Second
)

// ReplayedGroup is the replay of the dead letters of a tenant, destination and signal.
type ReplayedGroup struct {
	Tenant      string `json:"tenant"`
	Destination string `json:"destination"`
	Signal      string `json:"signal"`
	Sent        int    `json:"sent"`
	Rejected    int    `json:"refused"`
	Remaining   int    `json:"left"`
	Message     string `json:"message,omitempty"` // why dead letters remain
}

// Replayed is the result of a replay.
type Replayed struct {
	Groups []ReplayedGroup

	// Damage are the damaged lines that the command found, and DamagedLines the number
	// of those that the gateway found.
	Damage       deadletter.Damage
	DamagedLines int

	// SkippedFiles is the number of files that were written to within
	// [deadletter.QuietPeriod].
	SkippedFiles int

	// Notes are what a gateway reports of groups without dead letters to send.
	Notes []string
}

// Incomplete returns an error if dead letters remain, so that a script does not take
// the replay for complete.
func (r *Replayed) Incomplete() error {
	remaining := 0
	for _, g := range r.Groups {
		remaining += g.Remaining
	}
	switch {
	case remaining > 0:
		return fmt.Errorf("%s left", count(remaining, "dead letter is", "dead letters are"))
	case r.SkippedFiles > 0:
		return fmt.Errorf("%s skipped", count(r.SkippedFiles, "file is", "files are"))
	case r.DamagedLines > 0:
		return fmt.Errorf("%s left", count(r.DamagedLines, "damaged line is", "damaged lines are"))
	}
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// NoGatewayError is returned if no gateway takes a request to replay dead letters.
type NoGatewayError struct {
	Directory string
	Err       error
}

// Error returns the directory and the reason.
func (e *NoGatewayError) Error() string { return e.Directory + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *NoGatewayError) Unwrap() error { return e.Err }

// PreviewReplay returns what a replay would send, and sends nothing.
func (d DeadLetters) PreviewReplay() (*Replayed, error) {
	groups, err := d.Find()
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return &Replayed{}, d.checkNames()
	}
	return preview(groups), nil
}

func preview(groups []deadletter.Group) *Replayed {
	r := &Replayed{}
	for i := range groups {
		r.Damage.Add(groups[i].Damaged)
		if groups[i].Requests > 0 {
			r.Groups = append(r.Groups, unsent(&groups[i]))
		}
	}
	return r
}

func unsent(g *deadletter.Group) ReplayedGroup {
	return ReplayedGroup{Tenant: string(g.Tenant), Destination: g.Destination, Signal: g.Signal.String(), Remaining: g.Requests}
}

// Replay sends dead letters with c, which may be at most those of one destination. It
// returns a result also with an error, if it has sent any.
func (d DeadLetters) Replay(ctx context.Context, c *ReplayClient, now time.Time) (r *Replayed, err error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := deadletter.Check(d.Directory); err != nil {
		return nil, &InputError{Field: "directory", Err: err}
	}
	unlock, err := deadletter.Lock(d.Directory)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	groups, err := d.findForOneDestination()
	if err != nil {
		return nil, err
	}
	r = &Replayed{}
	for i := range groups {
		g := &groups[i]
		done := unsent(g)
		if err == nil {
			var o deadletter.Outcome
			c.lastRejection = nil
			o, err = deadletter.Replay(ctx, g, now, c.send)
			r.SkippedFiles += o.Skipped
			r.Damage.Add(o.Damaged)
			done.Sent, done.Rejected, done.Remaining = o.Sent, o.Rejected, g.Requests-o.Sent
			if c.lastRejection != nil {
				done.Message = c.lastRejection.Error()
			}
		}
		if g.Requests > 0 {
			r.Groups = append(r.Groups, done)
		}
	}
	return r, err
}

// PreviewReplayTo returns what Replay would send, and sends nothing.
func (d DeadLetters) PreviewReplayTo() (*Replayed, error) {
	groups, err := d.findForOneDestination()
	if err != nil {
		return nil, err
	}
	return preview(groups), nil
}

// findForOneDestination returns the selected groups if an endpoint may get all of them.
func (d DeadLetters) findForOneDestination() ([]deadletter.Group, error) {
	groups, err := d.Find()
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, d.checkNames()
	}
	if names := destinations(groups); len(names) > 1 {
		return nil, malformed("destination", "", "must be one of %s: an endpoint is one destination, and these dead letters are of several", strings.Join(names, ", "))
	}
	return groups, nil
}

// destinations returns the names of the destinations that rejected the dead letters.
func destinations(groups []deadletter.Group) (names []string) {
	for i := range groups {
		if groups[i].Requests > 0 && !slices.Contains(names, groups[i].Destination) {
			names = append(names, groups[i].Destination)
		}
	}
	slices.Sort(names)
	return names
}

// ReplayByGateway makes the gateway that writes to the directory send dead letters, each
// to the destination that rejected it. If ctx ends, the gateway stops, and the result is
// what it has sent until then. It returns a result also with an error, unless nothing is
// known to be sent.
func (d DeadLetters) ReplayByGateway(ctx context.Context) (*Replayed, error) {
	groups, err := d.Find()
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 && d.Tenant == "" && d.Destination == "" {
		return &Replayed{}, nil
	}
	// The gateway also gets a request if there are no dead letters: it knows whether the
	// tenant and the destination exist.
	req, err := deadletter.RequestReplay(d.Directory, d.filter())
	if errors.Is(err, deadletter.ErrNoGateway) {
		if len(groups) == 0 {
			return &Replayed{}, d.checkNames()
		}
		return nil, &NoGatewayError{d.Directory, err}
	}
	if err != nil {
		return nil, fmt.Errorf("requesting the replay from the gateway: %w", err)
	}
	report, failed := waitForReplay(ctx, req)
	closed := req.Close()
	if report == nil {
		if ctx.Err() == nil {
			if len(groups) == 0 {
				return &Replayed{}, errors.Join(d.checkNames(), closed)
			}
			failed = &NoGatewayError{d.Directory, failed}
		}
		return nil, errors.Join(failed, closed)
	}
	failed = errors.Join(failed, closed)
	if report.Error != "" && failed == nil {
		failed = fmt.Errorf("the gateway: %s", report.Error)
	}
	return replayedOf(report), failed
}

// waitForReplay waits until the gateway has done what req asks for. If it has not, it
// withdraws the request and returns the last report with an error.
func waitForReplay(ctx context.Context, req *deadletter.Request) (*deadletter.Report, error) {
	ignore := func(*deadletter.Report) {}
	report, failed := req.Wait(ctx, beginTimeout, quietTimeout, ignore)
	if failed == nil {
		return report, nil
	}
	if err := req.Withdraw(); err != nil {
		failed = errors.Join(failed, err)
	}
	if report == nil { // the gateway may have begun since
		if begun, err := req.Report(); err == nil {
			report = begun
		}
	}
	if report != nil && ctx.Err() != nil {
		if last, err := req.Wait(context.WithoutCancel(ctx), stopTimeout, stopTimeout, ignore); err == nil {
			report = last
		}
	}
	return report, failed
}

func replayedOf(report *deadletter.Report) *Replayed {
	r := &Replayed{}
	for _, g := range report.Groups {
		r.SkippedFiles += g.Skipped
		r.DamagedLines += g.Damaged
		if g.Sent+g.Rejected+g.Left > 0 {
			r.Groups = append(r.Groups, ReplayedGroup{g.Tenant, g.Destination, g.Signal, g.Sent, g.Rejected, g.Left, g.Message})
		} else if g.Message != "" {
			r.Notes = append(r.Notes, g.Message)
		}
	}
	return r
}
