// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"
)

// ErrDSN is the error of a connection string that cannot be used.
var ErrDSN = errors.New("the connection string cannot be used")

// dsnError is an ErrDSN with a reason that has no password.
type dsnError struct{ text string }

func (e dsnError) Error() string { return e.text }

func (dsnError) Is(target error) bool { return target == ErrDSN }

var errDSN error = dsnError{"not a valid PostgreSQL connection string (it is not shown, since it may hold a password)"}

// dsnFaults are parts of the library's errors and the texts that replace them: the
// setting and its fault. The library's own text quotes the connection string.
var dsnFaults = []struct{ part, text string }{
	{"unable to read CA file", "sslrootcert: the file of the CA cannot be read"},
	{"unable to add CA to cert pool", "sslrootcert: the file has no certificate in PEM"},
	{"unable to load system certificate pool", "sslrootcert: the system's certificates cannot be read"},
	{"sslmode is invalid", "sslmode: must be one of disable, allow, prefer, require, verify-ca, verify-full"},
	{`both "sslcert" and "sslkey" are required`, "sslcert, sslkey: only one of them is set, and both are required"},
	{"unable to read sslkey", "sslkey: the file of the client's key cannot be read"},
	{"failed to decode sslkey", "sslkey: the file has no key in PEM"},
	{"unable to find sslpassword", "sslpassword: the client's key is encrypted, and there is no password for it"},
	{"unable to decrypt key", "sslpassword: it does not decrypt the client's key"},
	{"unable to read cert", "sslcert: the file of the client's certificate cannot be read"},
	{"unable to load cert", "sslcert, sslkey: the certificate and the key of the client do not match, or are damaged"},
	{"invalid sslcertmode", "sslcertmode: must be one of disable, allow, require"},
	{"invalid port", "port: must be a number from 1 to 65535; in a URL a password must have its special characters percent-encoded"},
	{"could not match", "host, port: there must be one port, or as many ports as hosts"},
	{"invalid connect_timeout", "connect_timeout: must be a number of seconds"},
	{"unknown target_session_attrs", "target_session_attrs: must be one of any, read-write, read-only, primary, standby, prefer-standby"},
	{"min_protocol_version", "min_protocol_version: must be 3.0, 3.2 or latest"},
	{"max_protocol_version", "max_protocol_version: must be 3.0, 3.2 or latest"},
	{"channel_binding", "channel_binding: must be one of disable, prefer, require"},
	{"require_auth", "require_auth: has a method that is not known"},
	{"failed to read service", "service: the service, or the file of services, cannot be read"},
}

// explainDSN returns an error that names the setting of dsn that is wrong.
func explainDSN(dsn string, err error) error {
	text := strings.ReplaceAll(err.Error(), dsn, "")
	// The library puts the redacted string in back quotes before its text.
	if i := strings.LastIndexByte(text, '`'); i >= 0 {
		text = text[i+1:]
	}
	for _, f := range dsnFaults {
		if !strings.Contains(text, f.part) {
			continue
		}
		var file *fs.PathError
		if errors.As(err, &file) {
			return dsnError{fmt.Sprintf("%s: %q: %v", f.text, file.Path, file.Err)}
		}
		return dsnError{f.text}
	}
	return errDSN
}

var passfileSetting = regexp.MustCompile(`(?:^|[\s?&])passfile\s*=\s*'?([^&\s']+)`)

// explainPassword adds to the error of a connection that the file with the password
// cannot be read, which the library ignores.
func explainPassword(dsn string, err error) error {
	if !hasCode(err, "28P01") && !hasCode(err, "28000") {
		return err
	}
	name, path := "PGPASSFILE", os.Getenv("PGPASSFILE")
	if m := passfileSetting.FindStringSubmatch(dsn); m != nil {
		name, path = "passfile", m[1]
		if plain, err := url.QueryUnescape(path); err == nil && strings.Contains(dsn, "://") {
			path = plain
		}
	}
	if path == "" {
		return err
	}
	f, fileErr := os.Open(path) //nolint:gosec // the operator's file, as libpq reads it
	if fileErr == nil {
		return errors.Join(err, f.Close())
	}
	var at *fs.PathError
	if errors.As(fileErr, &at) {
		return fmt.Errorf("%w (%s: the file of the password cannot be read: %q: %w)", err, name, at.Path, at.Err)
	}
	return err
}
