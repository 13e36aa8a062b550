// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// clientTimeout bounds one request. The gateway answers at once.
	clientTimeout = 10 * time.Second

	// maxAnswer bounds an answer in bytes.
	maxAnswer = 64 << 20
)

// Client reads the status API of a gateway at a Unix socket.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client of the API at the path socket.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{
		Timeout: clientTimeout, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}
}

// Unreachable is the error of a [Client] if no gateway answers at its socket.
type Unreachable struct {
	Socket string
	Cause  error
}

// Error implements error.
func (e *Unreachable) Error() string {
	return fmt.Sprintf("no gateway answers at %s: %s", e.Socket, e.why())
}

// Unwrap returns the cause.
func (e *Unreachable) Unwrap() error { return e.Cause }

// Denied reports whether the socket exists, and the user may not use it.
func (e *Unreachable) Denied() bool { return errors.Is(e.Cause, fs.ErrPermission) }

func (e *Unreachable) why() string {
	switch {
	case e.Denied():
		return "permission denied"
	case errors.Is(e.Cause, fs.ErrNotExist):
		return "there is no socket"
	case errors.Is(e.Cause, syscall.ECONNREFUSED):
		return "the socket is left of a process that has ended"
	}
	return e.Cause.Error()
}

// UnknownTenantError is the error for a tenant that the gateway does not know.
type UnknownTenantError struct{ ID string }

// Error implements error.
func (e *UnknownTenantError) Error() string {
	return fmt.Sprintf("the gateway does not know the tenant %q", e.ID)
}

// Overview returns the state of the gateway.
func (c *Client) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	return o, c.get(ctx, PathOverview, &o)
}

// Tenant returns the state of a tenant.
func (c *Client) Tenant(ctx context.Context, id string) (Tenant, error) {
	var t Tenant
	err := c.get(ctx, PathTenant+url.PathEscape(id), &t)
	var answer *answerError
	if errors.As(err, &answer) && answer.status == http.StatusNotFound {
		return t, &UnknownTenantError{id}
	}
	return t, err
}

// Tenants returns a page of at most limit tenants whose IDs follow after.
func (c *Client) Tenants(ctx context.Context, after string, limit int) (Page, error) {
	var p Page
	return p, c.get(ctx, PathTenants+"?"+url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}}.Encode(), &p)
}

// KeyUses returns when each key was used last.
func (c *Client) KeyUses(ctx context.Context) (KeyUses, error) {
	var k KeyUses
	return k, c.get(ctx, PathKeys, &k)
}

type answerError struct {
	socket string
	status int
	text   string
}

// Error implements error.
func (e *answerError) Error() string {
	return fmt.Sprintf("%s: the gateway answers with HTTP status %d: %s", e.socket, e.status, e.text)
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway"+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return &Unreachable{c.socket, err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: reading the answer: %w", c.socket, err)
	}
	if resp.StatusCode != http.StatusOK {
		return &answerError{c.socket, resp.StatusCode, strings.TrimSpace(string(body[:min(len(body), 300)]))}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: the answer is not that of a gateway: %w", c.socket, err)
	}
	return nil
}
