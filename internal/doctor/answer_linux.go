// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/webpage"
)

const (
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 16 << 10

	// largeBody is about the size of the agent's largest request before compression.
	largeBody = 1_000_000

	emptyRequest = "{}" // an OTLP request without any data
)

// answer is what the gateway answered to the key for some signals.
type answer struct {
	signals []string
	status  int
	texts   []string // the different ones
	retry   string
	advice  remedy.Advice
}

func (a *answer) accepted() bool { return a.status >= 200 && a.status < 300 }

// same reports whether two answers have one cause. The text of a reason may name the signal.
func (a *answer) same(b *answer) bool {
	if a.status != b.status || a.advice.Reason != b.advice.Reason {
		return false
	}
	return a.accepted() || a.advice.Reason != rejection.None || slices.Equal(a.texts, b.texts)
}

// answers sends a request without data for each signal, with the key. It reports one finding for each
// different answer.
func (g *gateway) answers(ctx context.Context) bool {
	const id = "gateway.answer"
	if g.d.HasAuth && g.d.Key == "" {
		g.warn(id, g.base(), "The answer to the key is not known, because this command has no key to send", "See the findings about the key.")
		return false
	}
	var all []*answer
	for _, signal := range g.agent.Signals {
		target := g.base() + "/v1/" + signal
		status, text, retry, err := g.post(ctx, target, emptyRequest)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil && isTimeout(err):
			g.fail(id, target, fmt.Sprintf("The connection works, and then there is no answer within %v", g.set.Timeout), "Check the gateway, and proxies and firewalls between.")
			return false
		case err != nil:
			g.fail(id, target, "There is no answer: "+reason(err), "Check that the gateway runs, and its port in GATEWAY_ENDPOINT.")
			return false
		}
		a := &answer{signals: []string{signal}, status: status, texts: []string{text}, retry: retry}
		if !a.accepted() {
			a.advice = remedy.Of(status, text)
		}
		if i := slices.IndexFunc(all, a.same); i < 0 {
			all = append(all, a)
		} else {
			all[i].signals = append(all[i].signals, signal)
			if !slices.Contains(all[i].texts, text) {
				all[i].texts = append(all[i].texts, text)
			}
		}
	}
	accepted := false
	for _, a := range all {
		g.answered(a)
		accepted = accepted || a.accepted()
	}
	if accepted && (g.set.LargeBody || g.refusedAsTooLarge()) {
		g.large(ctx)
	}
	return accepted
}

// answered reports an answer.
func (g *gateway) answered(a *answer) {
	f := Finding{ID: "gateway.answer", Severity: finding.OK, Subject: g.base(), Signals: a.signals}
	names := strings.Join(a.signals, ", ")
	if a.accepted() {
		f.Message = "The gateway accepts the key for " + names
		if !g.d.HasAuth {
			f.Message = "The gateway accepts " + names
		}
	} else {
		f.Severity, f.Fix, f.answer, f.reason = finding.Error, a.advice.Fix, a.status, a.advice.Reason
		f.Message = fmt.Sprintf("The answer to %s is %d %s%s. %s%s", names, a.status, http.StatusText(a.status), with(strings.Join(a.texts, "; ")), a.advice.Meaning, later(a.retry))
	}
	g.add(f)
}

// refusedAsTooLarge reports whether the agent's health mentions an answer of 413.
func (g *gateway) refusedAsTooLarge() bool {
	if g.health == nil {
		return false
	}
	for _, c := range g.health.Failing() {
		if strings.Contains(c.Message, "413") || strings.Contains(c.Cause, "413") || strings.Contains(c.Cause, "too_large") {
			return true
		}
	}
	return false
}

// large sends spaces and no data, in the size of the agent's largest request.
func (g *gateway) large(ctx context.Context) {
	const id = "gateway.large"
	signal := g.agent.Signals[0]
	target := g.base() + "/v1/" + signal
	status, text, _, err := g.post(ctx, target, "{"+strings.Repeat(" ", largeBody-2)+"}")
	fix := remedy.Of(http.StatusRequestEntityTooLarge, "").Fix
	switch {
	case err != nil:
		g.fail(id, target, fmt.Sprintf("A request of %d bytes has no answer: %s", largeBody, reason(err)), fix)
	case status == http.StatusRequestEntityTooLarge:
		g.add(Finding{
			ID: id, Severity: finding.Error, Subject: target, Fix: fix, answer: status,
			Message: fmt.Sprintf("A request of %d bytes is answered with 413: something before the gateway limits bodies%s", largeBody, with(text)),
		})
	case status >= 300:
		g.warn(id, target, fmt.Sprintf("A request of %d bytes is answered with %d%s", largeBody, status, with(text)), "See the status.")
	default:
		g.ok(id, target, fmt.Sprintf("A request of %d bytes is accepted", largeBody))
	}
}

// post sends a body and returns status, text and Retry-After of the answer.
func (g *gateway) post(ctx context.Context, target, body string) (status int, text, retry string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tenantctl-doctor/"+cmp.Or(g.set.Version, "dev"))
	if g.d.HasAuth {
		req.Header.Set("Authorization", "Bearer "+g.d.Key)
		if g.d.BusinessID != "" {
			req.Header.Set("X-Business-Id", g.d.BusinessID)
		}
	}
	resp, err := g.client(true).Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	text = g.textOf(resp, data)
	if where := resp.Header.Get("Location"); where != "" && resp.StatusCode/100 == 3 {
		text = "to " + safetext.Clean(where)
	}
	return resp.StatusCode, text, resp.Header.Get("Retry-After"), nil
}

// textOf returns what an answer says, on one line.
func (g *gateway) textOf(resp *http.Response, data []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	text := string(data)
	switch {
	case json.Unmarshal(data, &status) == nil && status.Message != "":
		text = status.Message
	case webpage.Is(data, resp.Header.Get("Content-Type")):
		text = "web page: " + webpage.Text(data, 300)
	}
	text = g.scrubbed(safetext.Clean(text))
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return strings.TrimSpace(text)
}

// with returns the text of an answer as a part of a sentence.
func with(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// later returns when an answer asks to be asked again, as a sentence after another one.
func later(retry string) string {
	if retry == "" {
		return ""
	}
	after := safetext.Clean(retry)
	if seconds, err := strconv.Atoi(after); err == nil {
		after = strconv.Itoa(seconds) + " s"
	} // else a date
	return ". The answer asks to retry after " + after
}
