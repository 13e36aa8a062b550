// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// secretsDirectory is where container engines mount secrets. Only the container's processes
// see the files in it, whatever their mode.
const secretsDirectory = "/run/secrets"

// maxCredentials bounds the size of a credentials file in bytes.
const maxCredentials = 4096

// Credentials are the name and the password of a server administrator of Grafana.
type Credentials struct{ User, Password string }

// String returns the name only, so that no message shows the password.
func (c Credentials) String() string { return c.User }

// GoString is String.
func (c Credentials) GoString() string { return c.User }

// ReadCredentials reads a file with USER:PASSWORD in its first line. A file with a line without
// a colon has the password of the user admin, as the secret of Grafana's container has. A file
// that all users of the machine can read is an error, except in /run/secrets. Errors contain
// nothing of the file's content.
func ReadCredentials(path string) (Credentials, error) {
	f, err := os.Open(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("cannot read Grafana's credentials: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Credentials{}, fmt.Errorf("cannot read Grafana's credentials: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 && !inSecretsDirectory(path) {
		return Credentials{}, fmt.Errorf("all users can read Grafana's credentials, %s has mode %o: run chmod 600 on it", path, mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCredentials+1))
	if err != nil {
		return Credentials{}, fmt.Errorf("cannot read Grafana's credentials: %w", err)
	}
	c, err := parseCredentials(string(data))
	if err != nil {
		return Credentials{}, fmt.Errorf("file %s has no credentials of Grafana: %w", path, err)
	}
	return c, nil
}

func inSecretsDirectory(path string) bool {
	absolute, err := filepath.Abs(path)
	return err == nil && strings.HasPrefix(absolute, secretsDirectory+"/")
}

func parseCredentials(text string) (Credentials, error) {
	if len(text) > maxCredentials {
		return Credentials{}, fmt.Errorf("it is longer than %d bytes", maxCredentials)
	}
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	user, password, ok := strings.Cut(line, ":")
	if !ok {
		user, password = "admin", line
	}
	switch {
	case strings.TrimSpace(rest) != "":
		return Credentials{}, errors.New("it has several lines, and must have one line USER:PASSWORD")
	case user == "":
		return Credentials{}, errors.New("there is no user before the colon: it must have one line USER:PASSWORD")
	case password == "":
		return Credentials{}, errors.New("the password is empty: it must have one line USER:PASSWORD")
	case strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Credentials{}, errors.New("it has a control character")
	}
	return Credentials{User: user, Password: password}, nil
}
