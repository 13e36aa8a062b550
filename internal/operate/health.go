// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Health is the answer of a health endpoint.
type Health struct {
	URL     string   `json:"url"`
	Code    int      `json:"code"`              // HTTP status
	Status  string   `json:"status,omitempty"`  // of tenant_health; empty: another server answered
	Reasons []string `json:"reasons,omitempty"` // of tenant_health
}

// Healthy reports whether the answer has status 200.
func (h Health) Healthy() bool { return h.Code == http.StatusOK }

// healthTimeout bounds a request, so that a check ends before the next one begins.
const healthTimeout = 5 * time.Second

// maxHealthBody bounds what is read of an answer.
const maxHealthBody = 1 << 20

// CheckHealth requests a health endpoint. An answer that is not 200 is no error: see Healthy.
// It uses no proxy, because the endpoint is on this machine or in its network, and follows no
// redirect.
func CheckHealth(ctx context.Context, address string) (Health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Health{}, err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return Health{}, fmt.Errorf("%w: is the collector running, and is its health endpoint there?", err)
	}
	defer resp.Body.Close()
	h := Health{URL: address, Code: resp.StatusCode}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealthBody))
	if err != nil {
		return Health{}, err
	}
	var known struct {
		Status  string   `json:"status"`
		Reasons []string `json:"reasons"`
	}
	if json.Unmarshal(body, &known) == nil {
		h.Status, h.Reasons = known.Status, known.Reasons
	}
	return h, nil
}

// HealthURL returns the URL of the health endpoint that listens on endpoint, a HOST:PORT as
// in a configuration, as this machine reaches it.
func HealthURL(endpoint, path string) (string, error) {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: path}).String(), nil
}
