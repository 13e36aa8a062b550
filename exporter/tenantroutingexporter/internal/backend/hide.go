package backend

import (
	"errors"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// maxMessage bounds how much of a backend's own words goes into a log line.
const maxMessage = 300

// addHeader adds a header's value to what must not be shown: the whole of it, and
// what comes after a scheme such as Bearer. Backends quote a token that they
// refuse, and answers get into logs and dead letters.
func addHeader(secrets *redact.Secrets, value string) {
	_, credentials, _ := strings.Cut(value, " ")
	secrets.AddValue(value)
	secrets.AddValue(strings.TrimSpace(credentials))
}

// shown returns res with an error that can be shown: on one line, without secrets,
// control characters and whatever else a backend may write. All texts of backends
// and of the network pass here.
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

// answerError is what a backend answered: our words, and its own.
type answerError struct{ head, words string }

func (e answerError) Error() string { return e.head + e.words }

// shownError shows text in place of what its cause would say.
type shownError struct {
	text string
	err  error
}

func (e shownError) Error() string { return e.text }
func (e shownError) Unwrap() error { return e.err }

// clip makes text fit for one line of a log.
func clip(text string) string {
	text = strings.TrimSpace(safetext.Clean(text))
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
