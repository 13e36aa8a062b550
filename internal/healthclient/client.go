// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// Timeout bounds a request, so that a check ends before the next one begins.
const Timeout = 5 * time.Second

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// Get requests a health endpoint. An answer that is not 200 is no error: see [Answer.Healthy].
// It uses no proxy, because the endpoint is on this machine or in its network, and follows no
// redirect. What other programs may have written is cleaned of characters that a terminal obeys.
func Get(ctx context.Context, address string) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: is the collector running, and is its health endpoint there?", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", address, err)
	}
	answer := &Answer{}
	if json.Unmarshal(body, answer) != nil || !answer.Known() {
		answer = &Answer{} // another server
	}
	answer.URL, answer.Code = address, resp.StatusCode
	answer.clean()
	return answer, nil
}

func (a *Answer) clean() {
	a.Status = safetext.Clean(a.Status)
	for i, reason := range a.Reasons {
		a.Reasons[i] = safetext.Clean(reason)
	}
	for i := range a.Conditions {
		c := &a.Conditions[i]
		for _, text := range []*string{&c.Name, &c.Component, &c.Cause, &c.Message, &c.Fix, &c.Since} {
			*text = safetext.Clean(*text)
		}
	}
	for name, status := range a.Components {
		a.Components[name] = safetext.Clean(status)
	}
	a.Components, a.Lanes = cleanNames(a.Components), cleanNames(a.Lanes)
}

// cleanNames returns m with clean keys. Of keys that become the same one, the last in their order stays.
func cleanNames[V any](m map[string]V) map[string]V {
	if m == nil {
		return nil
	}
	cleaned := make(map[string]V, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		cleaned[safetext.Clean(name)] = m[name]
	}
	return cleaned
}

// URL returns the URL of the health endpoint that listens on endpoint, a HOST:PORT as in a
// configuration, as this machine reaches it.
func URL(endpoint, path string) (string, error) {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: path}).String(), nil
}
