// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"errors"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// maxNote bounds the actor and the reason, which every copy of the audit log
// contains.
const maxNote = 1000

// The actions as the audit log names them.
const (
	ActionTenantCreate  = "tenant create"
	ActionTenantUpdate  = "tenant update"
	ActionTenantSuspend = "tenant suspend"
	ActionTenantResume  = "tenant resume"
	ActionTenantDelete  = "tenant delete"
	ActionKeyCreate     = "key create"
	ActionKeyRotate     = "key rotate"
	ActionKeyRevoke     = "key revoke"
	ActionImport        = "registry import"
	ActionAcceptRestore = "registry accept-restore"
)

// endingActions only end keys and tenants. They work even if the audit log does not continue its
// last known checkpoint, as after a backup was restored: revoking a leaked key cannot wait.
var endingActions = []string{ActionKeyRevoke, ActionTenantSuspend, ActionTenantDelete}

// Request says who asks for a change and why, for the audit log.
type Request struct {
	// Actor is the person or program that asks for the change. The default is
	// the part of User before the @.
	Actor string

	// User is the account under which the program runs. The default is that of
	// the operating system.
	User string

	// Reason is why the change is made, such as a ticket. It may be empty.
	Reason string

	// Action is the name of the action in the audit log. The default is the name
	// of the action that is called, such as [ActionKeyCreate].
	Action string

	// DryRun makes the action return a [*DryRunError] instead of the change.
	DryRun bool

	// Note, unless it is nil, is called with a sentence for the operator that is
	// not an error, such as a warning about a secret in clear text.
	Note func(text string)
}

func (r *Request) note(text string) {
	if r.Note != nil {
		r.Note(text)
	}
}

// recorder returns the recorder of the audit entry of action.
func (r *Registry) recorder(req Request, action string) (*audit.Recorder, error) {
	key, err := r.AuditKey()
	if err != nil {
		return nil, err
	}
	out := &audit.Recorder{Actor: req.Actor, User: req.User, Action: req.Action, Reason: req.Reason, Key: key, Now: r.now}
	if out.Action == "" {
		out.Action = action
	}
	if slices.Contains(endingActions, action) {
		out.Restore = audit.RestoreTolerated
	}
	if out.User == "" {
		out.User = audit.SystemUser()
	}
	if out.Actor == "" {
		out.Actor, _, _ = strings.Cut(out.User, "@")
	}
	if err := checkNote("actor", out.Actor); err != nil {
		return nil, err
	}
	if err := checkNote("reason", out.Reason); err != nil {
		return nil, err
	}
	return out, nil
}

func checkNote(field, text string) error {
	if len(text) > maxNote {
		return malformed(field, "", "must have at most %d bytes", maxNote)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !safetext.Safe(r) }) {
		return &InputError{Field: field, Malformed: true, Err: errors.New("must not have control characters or line breaks")}
	}
	return nil
}
