// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package envfile reads and writes environment files as systemd does for EnvironmentFile=.
package envfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// MaxBytes is the largest file that Parse accepts.
const MaxBytes = 1 << 20

// Variable is one assignment.
type Variable struct{ Name, Value string }

// Variables are the assignments of a file in their order. A later one of the same name has precedence.
type Variables []Variable

// Get returns the value of a variable, and whether it is set.
func (v Variables) Get(name string) (string, bool) {
	for i := len(v) - 1; i >= 0; i-- {
		if v[i].Name == name {
			return v[i].Value, true
		}
	}
	return "", false
}

// Set returns the variables with a new value of name, at the place of the old one or at the end.
func (v Variables) Set(name, value string) Variables {
	out, done := make(Variables, 0, len(v)+1), false
	for _, one := range v {
		switch {
		case one.Name != name:
			out = append(out, one)
		case !done:
			out, done = append(out, Variable{name, value}), true
		}
	}
	if !done {
		out = append(out, Variable{name, value})
	}
	return out
}

// Without returns the variables without those of a name.
func (v Variables) Without(name string) Variables {
	out := make(Variables, 0, len(v))
	for _, one := range v {
		if one.Name != name {
			out = append(out, one)
		}
	}
	return out
}

// Map returns the variables by name.
func (v Variables) Map() map[string]string {
	m := make(map[string]string, len(v))
	for _, one := range v {
		m[one.Name] = one.Value
	}
	return m
}

// String returns the text of a file with the variables.
func (v Variables) String() string {
	var b strings.Builder
	for _, one := range v {
		b.WriteString(one.Name + "=" + quote(one.Value) + "\n")
	}
	return b.String()
}

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainForm = regexp.MustCompile(`^[A-Za-z0-9_./:@,+=%~^-]*$`)
)

// quote returns a value in the form in which systemd reads it.
func quote(value string) string {
	switch {
	case plainForm.MatchString(value):
		return value
	case !strings.Contains(value, "'"):
		return "'" + value + "'"
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(value) + `"`
	}
}

// Parse returns the variables in the text of a file. Its errors name the line and no value, which may
// be a secret. Values with a line break or a NUL are errors: nothing that reads these files needs them.
func Parse(text string) (Variables, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("has %d bytes, which is more than the limit of %d", len(text), MaxBytes)
	}
	var all Variables
	var errs []error
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		number, line := i+1, strings.TrimLeft(lines[i], " \t")
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		for continues(line) && i+1 < len(lines) {
			i++
			line = line[:len(line)-1] + lines[i]
		}
		name, rest, found := strings.Cut(line, "=")
		name = strings.TrimRight(name, " \t")
		switch value, err := unquote(rest); {
		case !found:
			errs = append(errs, fmt.Errorf("line %d is no assignment NAME=value", number))
		case strings.HasPrefix(name, "export "):
			errs = append(errs, fmt.Errorf("line %d begins with export, which is for a shell: remove the word", number))
		case !nameForm.MatchString(name):
			errs = append(errs, fmt.Errorf("line %d does not begin with the name of a variable", number))
		case err != nil:
			errs = append(errs, fmt.Errorf("line %d: the value of %s %w", number, name, err))
		default:
			all = append(all, Variable{name, value})
		}
	}
	return all, errors.Join(errs...)
}

// continues reports whether a line ends with a backslash that is not escaped itself.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

var (
	errOpen = errors.New("has a quote that is not closed")
	errNUL  = errors.New("has a NUL character")
)

// unquote returns the value of the text behind the equals sign. A quote has a meaning only where a value,
// or a further part of it after a closed quote, begins.
func unquote(text string) (string, error) {
	var b strings.Builder
	kept := 0 // length of the value without unquoted white space at its end
	begins := true
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == 0:
			return "", errNUL
		case begins && (c == '\'' || c == '"'):
			end := i + 1
			for ; end < len(text) && text[end] != c; end++ {
				if c == '"' && text[end] == '\\' && end+1 < len(text) {
					end++
					if !strings.ContainsRune("\"\\`$", rune(text[end])) {
						b.WriteByte('\\')
					}
				}
				b.WriteByte(text[end])
			}
			if end >= len(text) {
				return "", errOpen
			}
			i, kept = end, b.Len()
		case c == ' ' || c == '\t':
			if !begins || kept > 0 {
				b.WriteByte(c)
			}
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
			kept, begins = b.Len(), false
		default:
			b.WriteByte(c)
			kept, begins = b.Len(), false
		}
	}
	return b.String()[:kept], nil
}
