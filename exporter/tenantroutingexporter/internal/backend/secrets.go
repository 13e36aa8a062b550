// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"errors"
	"strings"

	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// maxMessage bounds the text of a backend in a log line.
const maxMessage = 300

// addHeader adds the value of a header to secrets: all of it, and the part after a scheme such as Bearer.
// Backends quote tokens that they reject, and answers appear in logs and dead letters.
func addHeader(secrets *redact.Secrets, value string) {
	_, credentials, _ := strings.Cut(value, " ")
	secrets.AddValue(value)
	secrets.AddValue(strings.TrimSpace(credentials))
}

// shown returns res with an error that may be shown: on one line, without secrets and control characters. All
// texts of backends and of the network pass through it.
func shown(res lane.Result, secrets ...*redact.Secrets) lane.Result {
	if res.Err == nil {
		return res
	}
	var all redact.Secrets
	for _, s := range secrets {
		all.AddAll(s)
	}
	head, words := "", res.Err.Error()
	var answer answerError
	if errors.As(res.Err, &answer) {
		head, words = answer.head, answer.words
	}
	text := all.Scrub(strings.TrimSpace(safetext.Clean(words)))
	var private *reach.Error
	if text == redact.NotShown && errors.As(res.Err, &private) {
		text = private.WithoutAddress() // the address is from a reference
	}
	res.Err = shownError{text: head + clip(text), err: res.Err}
	return res
}

// answerError is the error of a backend's answer: our text, and the backend's.
type answerError struct{ head, words string }

func (e answerError) Error() string { return e.head + e.words }

// shownError has text in place of the text of its cause.
type shownError struct {
	text string
	err  error
}

func (e shownError) Error() string { return e.text }
func (e shownError) Unwrap() error { return e.err }

// clip makes text one line of limited length.
func clip(text string) string {
	text = strings.TrimSpace(safetext.Clean(text))
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// authOf returns the authenticator of a client if it can list the secrets that it adds to requests.
func (d *Destination) authOf(auth configoptional.Optional[configauth.Config]) redact.Holder {
	if !auth.HasValue() {
		return nil
	}
	holder, _ := d.pool.extensions()[auth.Get().AuthenticatorID].(redact.Holder)
	return holder
}

// addHeld adds the secrets of an authenticator.
func addHeld(secrets *redact.Secrets, auth redact.Holder) {
	if auth == nil {
		return
	}
	for _, secret := range auth.Secrets() {
		secrets.Add(secret)
	}
}
