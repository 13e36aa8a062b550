// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// maxMessage bounds the size of one message of a server, and so the memory that a
// wrong or hostile server can cost.
const maxMessage = 64 << 20

// minSecret is the length from which a password is searched for in texts. A shorter
// one is part of many words.
const minSecret = 4

// Config is the configuration of a connection. [ParseDSN] and [LazyDSN] return one.
// It is safe for concurrent use.
type Config struct {
	dsn    func() string            // a function, so that no format prints it
	parsed atomic.Pointer[settings] // nil: dsn could not be parsed yet
}

// settings is a parsed connection string.
type settings struct {
	pgx     *pgx.ConnConfig
	secrets []string // not shown in texts
}

// ParseDSN parses a connection string: a URL (postgres://…) or "name=value" pairs as
// in libpq. PGPASSWORD, PGPASSFILE and the other variables of libpq are the defaults.
// The error never has a password.
func ParseDSN(dsn string) (*Config, error) {
	c := &Config{dsn: func() string { return dsn }}
	_, err := c.parse()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// LazyDSN is [ParseDSN] without an error: a connection string that cannot be used is
// an error of the first connection. Files that it names, such as that of a CA, are
// read for every connection.
func LazyDSN(dsn string) *Config {
	c := &Config{dsn: func() string { return dsn }}
	_, _ = c.parse() // connect returns the error
	return c
}

func (c *Config) parse() (*settings, error) {
	if strings.TrimSpace(c.dsn()) == "" {
		return nil, errDSN
	}
	p, err := pgx.ParseConfig(c.dsn())
	if err != nil {
		return nil, explainDSN(c.dsn(), err)
	}
	// Named prepared statements do not survive a change of the pooler's connection.
	p.DefaultQueryExecMode = pgx.QueryExecModeExec
	p.StatementCacheCapacity, p.DescriptionCacheCapacity = 0, 0
	p.MaxProtocolMessageBodyLen = maxMessage
	if p.RuntimeParams["application_name"] == "" {
		p.RuntimeParams["application_name"] = "otelcol-tenant"
	}
	out := &settings{pgx: p}
	if len(p.Password) >= minSecret {
		out.secrets = append(out.secrets, p.Password)
	}
	c.parsed.Store(out)
	return out, nil
}

// connect returns a new connection.
func (c *Config) connect(ctx context.Context) (*pgx.Conn, error) {
	s, err := c.parse()
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, s.pgx)
	if err != nil {
		return nil, explainPassword(c.dsn(), s.clean(err))
	}
	return conn, nil
}

// String names the database, without user and password.
func (c *Config) String() string {
	s := c.parsed.Load()
	if s == nil {
		return "PostgreSQL database"
	}
	at := s.pgx.Host
	if !strings.HasPrefix(at, "/") {
		at = net.JoinHostPort(at, strconv.Itoa(int(s.pgx.Port)))
	}
	return "PostgreSQL database " + s.pgx.Database + " at " + at
}

// InClear reports whether data may cross a network without TLS, or with TLS that
// does not verify the server, so that others on the network can read it.
func (c *Config) InClear() bool {
	s := c.parsed.Load()
	if s == nil {
		return false // there is no connection
	}
	if insecure(s.pgx.Host, s.pgx.TLSConfig != nil && !s.pgx.TLSConfig.InsecureSkipVerify) {
		return true
	}
	for _, f := range s.pgx.Fallbacks {
		if insecure(f.Host, f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify) {
			return true
		}
	}
	return false
}

func insecure(host string, verified bool) bool {
	if verified || strings.HasPrefix(host, "/") || host == "localhost" {
		return false
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}

// clean returns err without secrets in its text.
func (c *Config) clean(err error) error {
	if s := c.parsed.Load(); s != nil {
		return s.clean(err)
	}
	return err
}

func (c *settings) clean(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	out := text
	for _, s := range c.secrets {
		out = strings.ReplaceAll(out, s, "(hidden)")
	}
	if out == text {
		return err
	}
	return cleanError{out, err}
}

// cleanError has another text than its cause.
type cleanError struct {
	text  string
	cause error
}

func (e cleanError) Error() string { return e.text }

func (e cleanError) Unwrap() error { return e.cause }
