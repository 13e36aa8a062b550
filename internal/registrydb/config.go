package registrydb

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxMessage bounds what one message of a server may hold, and so the memory
// that a wrong or hostile one costs.
const maxMessage = 64 << 20

// minSecret is the length from which on a password is looked for in texts; a
// shorter one is in many words.
const minSecret = 4

// Config says which database to use. Make one with [ParseDSN].
type Config struct {
	pgx     *pgx.ConnConfig
	secrets []string // what no text may hold
}

var errDSN = errors.New("not a valid PostgreSQL connection string (it is not shown, since it may hold a password)")

// ParseDSN reads a connection string, a URL (postgres://…) or "name=value" pairs
// as libpq has them. PGPASSWORD, PGPASSFILE and the other variables of libpq
// fill in what it leaves out. The error never holds any of dsn.
func ParseDSN(dsn string) (*Config, error) {
	if strings.TrimSpace(dsn) == "" {
		return nil, errDSN
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errDSN // err quotes dsn
	}
	// Named prepared statements do not live across the connections of a pooler.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	c.MaxProtocolMessageBodyLen = maxMessage
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "otelcol-tenant"
	}
	out := &Config{pgx: c}
	if len(c.Password) >= minSecret {
		out.secrets = append(out.secrets, c.Password)
	}
	return out, nil
}

// String says where the database is, without user and password.
func (c *Config) String() string {
	at := c.pgx.Host
	if !strings.HasPrefix(at, "/") {
		at = net.JoinHostPort(at, strconv.Itoa(int(c.pgx.Port)))
	}
	return "PostgreSQL database " + c.pgx.Database + " at " + at
}

// InClear tells whether data may travel over a network without TLS, or with TLS
// that anybody in between can undo because the server's name is not checked.
func (c *Config) InClear() bool {
	if insecure(c.pgx.Host, c.pgx.TLSConfig != nil && !c.pgx.TLSConfig.InsecureSkipVerify) {
		return true
	}
	for _, f := range c.pgx.Fallbacks {
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

// clean returns err with every secret taken out of its text.
func (c *Config) clean(err error) error {
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

// cleanError has another text than the error it stands for.
type cleanError struct {
	text  string
	cause error
}

func (e cleanError) Error() string { return e.text }

func (e cleanError) Unwrap() error { return e.cause }
