// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package reference resolves ${env:NAME} and ${file:/path}, with which variables of
// the registry name secrets instead of containing them.
//
// The author of the registry cannot choose which files and variables a gateway reads:
// a [Policy] in the configuration of the gateway does. Errors name the reference,
// never its value.
package reference

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// DefaultDirectory is the default folder of files with secrets.
	DefaultDirectory = "/etc/otelcol-tenant/secrets"

	// DefaultEnvPrefix is the default prefix of environment variables with secrets.
	DefaultEnvPrefix = "OTELCOL_TENANT_SECRET_"

	// maxSize bounds the size of a file.
	maxSize = 64 << 10
)

// Policy says what references may name. The zero value and a nil policy allow
// nothing.
type Policy struct {
	// Directories are absolute paths. Files in them and below are allowed. A link that
	// leads out of them is not followed.
	Directories []string

	// EnvPrefixes are the prefixes of allowed environment variables.
	EnvPrefixes []string
}

// Has reports whether value has text that looks like a reference.
func Has(value string) bool { return strings.Contains(value, "${") }

// Check returns an error if a reference in value is malformed or no policy can allow
// it.
func Check(value string) error {
	return scan(value, func(string) {}, func(scheme, name string) error {
		if scheme == "file" {
			return checkPath(name)
		}
		return nil
	})
}

// Check returns an error if a reference in value is malformed or not allowed. It does
// not read the secret.
func (p *Policy) Check(value string) error {
	return scan(value, func(string) {}, func(scheme, name string) error {
		if scheme == "env" {
			return p.checkEnv(name)
		}
		_, _, err := p.locate(name)
		return err
	})
}

// Resolve replaces the references in value by their values; the value of a file is its
// content without the line break at its end. Resolve calls secret with each value.
// Call it as late as possible, and do not keep its result where it could be shown.
func (p *Policy) Resolve(value string, secret func(string)) (string, error) {
	if !Has(value) {
		return value, nil
	}
	var b strings.Builder
	err := scan(value, func(literal string) { b.WriteString(literal) }, func(scheme, name string) error {
		text, err := p.read(scheme, name)
		if err == nil && text != "" {
			secret(text)
		}
		b.WriteString(text)
		return err
	})
	return b.String(), err
}

func (p *Policy) read(scheme, name string) (string, error) {
	if scheme == "file" {
		return p.readFile(name)
	}
	if err := p.checkEnv(name); err != nil {
		return "", err
	}
	text, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("${env:%s} is not set", name)
	}
	return text, nil
}

func (p *Policy) checkEnv(name string) error {
	if p != nil {
		for _, prefix := range p.EnvPrefixes {
			if strings.HasPrefix(name, prefix) {
				return nil
			}
		}
	}
	return fmt.Errorf("${env:%s} is not allowed: its name has none of the prefixes in references::env_prefixes; rename it, or add a prefix", name)
}

// locate returns the allowed folder of a file and its path in it.
func (p *Policy) locate(path string) (directory, name string, err error) {
	if err := checkPath(path); err != nil {
		return "", "", err
	}
	if p != nil {
		for _, directory := range p.Directories {
			name, err := filepath.Rel(directory, path)
			if err == nil && name != "." && filepath.IsLocal(name) {
				return directory, name, nil
			}
		}
	}
	return "", "", fmt.Errorf("${file:%s} is not allowed: it is in none of the folders in references::directories; move it to one of them, or add its folder", path)
}

func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("${file:%s} must be an absolute path", path)
	}
	for _, element := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == filepath.Separator }) {
		if element == ".." {
			return fmt.Errorf(`${file:%s} must not have a path element ".."`, path)
		}
	}
	return nil
}

// readFile opens the file below its folder, so that neither a link nor a change
// between check and use leads out of it. It does not block on a pipe.
func (p *Policy) readFile(path string) (string, error) {
	directory, name, err := p.locate(path)
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return "", fmt.Errorf("${file:…}: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("${file:%s}: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if err != nil {
		return "", fmt.Errorf("${file:%s}: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fmt.Errorf("${file:%s}: %w", path, err)
	}
	if len(data) > maxSize {
		return "", fmt.Errorf("${file:%s} is larger than %d bytes", path, maxSize)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// CheckFile checks a file that a variable of a tenant names directly and that other
// packages open, which follow links: a certificate or key of TLS.
func (p *Policy) CheckFile(path string) error {
	directory, name, err := p.locate(path)
	if err != nil {
		return errors.New("names a file that is in none of the folders in references::directories")
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return errors.New("names a file in a folder that cannot be opened")
	}
	defer root.Close()
	info, err := root.Stat(name)
	switch {
	case err != nil:
		return errors.New("names a file that does not exist, cannot be read, or is a link out of references::directories")
	case !info.Mode().IsRegular():
		return errors.New("names something that is not a regular file")
	}
	return nil
}

func scan(value string, literal func(string), reference func(scheme, name string) error) error {
	for value != "" {
		start := strings.Index(value, "${")
		if start < 0 {
			literal(value)
			return nil
		}
		literal(value[:start])
		end := strings.IndexByte(value[start:], '}')
		if end < 0 {
			return errors.New(`has "${" without "}"`)
		}
		scheme, name, ok := strings.Cut(value[start+2:start+end], ":")
		if !ok || name == "" || (scheme != "env" && scheme != "file") {
			return errors.New("has a reference that is neither ${env:NAME} nor ${file:/path}")
		}
		if err := reference(scheme, name); err != nil {
			return err
		}
		value = value[start+end+1:]
	}
	return nil
}
