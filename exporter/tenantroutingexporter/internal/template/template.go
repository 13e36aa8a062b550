// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Kind is where a string is used. It determines the allowed values.
type Kind uint8

const (
	// Header is the value of a header: any printable ASCII.
	Header Kind = iota
	// ScopeOrgID is the value of the tenant header of Loki, Tempo, Mimir and Cortex: an ID in their
	// grammar, and never empty.
	ScopeOrgID
	// Account is the value of a tenant header of VictoriaLogs and VictoriaMetrics: a number of 32 bits,
	// and never empty.
	Account
	// URL is an HTTP URL. If it begins with {vars.x}, that value may be a whole
	// URL; elsewhere a value is one token.
	URL
	// HostPort is a gRPC target. If it begins with {vars.x}, that value may be
	// host:port with or without http:// or https://; elsewhere a value is one token.
	// No value may be a reference: gRPC logs its targets.
	HostPort
	// Path is the path of a directory. If it begins with {vars.x}, that value may be a
	// path without ".."; elsewhere a value is one token.
	Path
	// File is the path of a file to read. If it begins with {vars.x}, the file must be in a directory that
	// references may refer to; elsewhere a value is one token.
	File
	// Name is the name of a host in addition to a URL or target. It is like Text, but no value may be a
	// reference, as in HostPort.
	Name
	// Text is any other setting. If it consists of one variable, the value is any printable text;
	// otherwise a value is one token.
	Text
)

// Values are the values of one tenant for templates.
type Values struct {
	Tenant     tenant.ID
	Vars       map[string]string
	References *reference.Policy // what references in Vars may refer to; nil: nothing
}

type part struct {
	literal  string
	isTenant bool
	variable string // name, if neither literal nor tenant
}

func (p part) isLiteral() bool { return !p.isTenant && p.variable == "" }

// Template is a parsed and checked template. It is immutable.
type Template struct {
	kind  Kind
	text  string
	parts []part
}

// Compile parses and checks text. Without a variable, the text itself is checked too.
func Compile(kind Kind, text string) (*Template, error) {
	t := &Template{kind: kind, text: text}
	for rest := text; rest != ""; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			t.parts = append(t.parts, part{literal: rest})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{literal: rest[:open]})
		}
		if rest[open] == '}' {
			return nil, errors.New(`"}" without "{"`)
		}
		end := strings.IndexByte(rest[open:], '}')
		if end < 0 {
			return nil, errors.New(`"{" without "}"`)
		}
		p, err := parsePart(rest[open+1 : open+end])
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, p)
		rest = rest[open+end+1:]
	}
	for _, p := range t.parts {
		if p.isLiteral() && strings.ContainsFunc(p.literal, isControl) {
			return nil, errors.New("control characters are not allowed")
		}
	}
	if !t.Dynamic() {
		if err := checkWhole(kind, text); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func parsePart(name string) (part, error) {
	if name == "tenant" {
		return part{isTenant: true}, nil
	}
	variable, ok := strings.CutPrefix(name, "vars.")
	if !ok || variable == "" || strings.ContainsFunc(variable, func(r rune) bool { return !isNameRune(r) }) {
		return part{}, fmt.Errorf("{%s} is not known: only {tenant} and {vars.<name>} are", name)
	}
	return part{variable: variable}, nil
}

// Dynamic reports whether the result depends on the tenant.
func (t *Template) Dynamic() bool {
	for _, p := range t.parts {
		if !p.isLiteral() {
			return true
		}
	}
	return false
}

// Key returns a string that is equal for values with the same result. It contains references as they
// are written, never what they refer to.
func (t *Template) Key(v Values) string {
	var b strings.Builder
	b.WriteString(t.text)
	for _, p := range t.parts {
		switch {
		case p.isTenant:
			fmt.Fprintf(&b, "\x00%s", v.Tenant)
		case p.variable != "":
			fmt.Fprintf(&b, "\x00%s", v.Vars[p.variable])
		}
	}
	return b.String()
}

// Secret reports whether the result depends on a file or an environment variable that a value refers to.
func (t *Template) Secret(v Values) bool {
	return t.uses(func(name string) bool { return reference.Has(v.Vars[name]) })
}

// Sensitive reports whether the result depends on a value that is a secret, or looks like one.
func (t *Template) Sensitive(v Values) bool {
	return t.uses(func(name string) bool { return reference.Has(v.Vars[name]) || audit.SecretInClear(name, v.Vars[name]) })
}

// Uses reports whether the variable name is part of the template.
func (t *Template) Uses(name string) bool {
	return t.uses(func(variable string) bool { return variable == name })
}

func (t *Template) uses(is func(variable string) bool) bool {
	for _, p := range t.parts {
		if p.variable != "" && is(p.variable) {
			return true
		}
	}
	return false
}

// BeginsWithVariable reports whether the template begins with a variable.
func (t *Template) BeginsWithVariable() bool { return len(t.parts) > 0 && t.parts[0].variable != "" }

// OwnHost reports whether the tenant's values choose the host of a URL or gRPC target. A tenant ID that is
// followed by more of the host name is part of the operator's domain, and does not count.
func (t *Template) OwnHost() bool {
	if t.kind != URL && t.kind != HostPort {
		return false
	}
	before := ""  // the literal text so far
	open := false // the host name so far ends with the tenant ID
	for i, p := range t.parts {
		switch {
		case p.variable != "" && (i == 0 || !inPort(before)):
			return true
		case p.isTenant:
			open = !inPort(before)
		case p.isLiteral():
			text := p.literal
			if i == 0 {
				if at := strings.Index(text, "://"); at >= 0 {
					text = text[at+3:]
				}
				text = strings.TrimPrefix(text, "/") // of dns:///host
			}
			end := strings.IndexAny(text, "/?#")
			if end >= 0 {
				text = text[:end]
			}
			before += text
			if name, _, _ := strings.Cut(text, ":"); name != "" {
				open = false
			}
			if end >= 0 {
				return open
			}
		}
	}
	return open
}

// inPort reports whether text ends after the host name.
func inPort(text string) bool {
	return strings.Contains(text, ":") && !strings.HasPrefix(text, "[") || strings.Contains(text, "]:")
}

// Render returns the text for v, with references in the values resolved.
func (t *Template) Render(v Values) (string, error) { return t.RenderNoting(v, func(string) {}) }

// RenderNoting is like Render, and calls secret with each value that must not appear in logs or errors.
func (t *Template) RenderNoting(v Values, secret func(string)) (string, error) {
	if !t.Dynamic() {
		return t.text, nil
	}
	var b strings.Builder
	for i, p := range t.parts {
		switch {
		case p.isLiteral():
			b.WriteString(p.literal)
		case p.isTenant:
			if err := v.Tenant.Validate(); err != nil {
				return "", err
			}
			b.WriteString(string(v.Tenant))
		default:
			value, err := t.value(i, v, secret)
			if err != nil {
				return "", fmt.Errorf("vars.%s: %w", p.variable, err)
			}
			b.WriteString(value)
		}
	}
	out := b.String()
	err := checkWhole(t.kind, out)
	if t.kind == Header && strings.TrimSpace(out) != out {
		err = errors.New("begins or ends with a space, which is not sent")
	}
	if err != nil {
		if len(t.parts) == 1 && t.parts[0].variable != "" {
			err = fmt.Errorf("vars.%s: %w", t.parts[0].variable, err)
		}
		return "", err
	}
	if t.kind == File && t.parts[0].variable != "" {
		if err := v.References.CheckFile(out); err != nil {
			return "", err
		}
	}
	return out, nil
}

// value returns the checked value of the variable that is part i.
func (t *Template) value(i int, v Values, secret func(string)) (string, error) {
	name := t.parts[i].variable
	raw, ok := v.Vars[name]
	if !ok {
		return "", errNoVariable
	}
	if (t.kind == HostPort || t.kind == Name) && reference.Has(raw) {
		return "", errHostReference
	}
	value, err := v.References.Resolve(raw, secret)
	if err != nil {
		return "", err
	}
	if audit.SecretInClear(name, raw) && len(value) >= minInClear {
		secret(value)
	}
	if value == "" {
		return "", errors.New("is empty")
	}
	free := false
	switch t.kind {
	case Header, ScopeOrgID, Account:
		free = true
	case URL, Path, File:
		free = i == 0
	case HostPort:
		if free = i == 0; free {
			if err := checkOwnTarget(value); err != nil {
				return "", err
			}
		}
	case Text, Name:
		free = len(t.parts) == 1
	}
	if free {
		if strings.ContainsFunc(value, isControl) {
			return "", errors.New("has a control character")
		}
		return value, nil
	}
	return value, checkToken(value)
}

// minInClear is the least length of a value in clear text that is treated as a secret.
const minInClear = 3

var (
	errNoVariable    = errors.New("the tenant has no such variable")
	errHostReference = errors.New("must not be a reference: gRPC shows the host that it connects to, so it cannot be a secret; write it in the registry")
)

// Check returns why Render fails for v, as far as that is known without resolving references. Render may
// fail although Check returns nil.
func (t *Template) Check(v Values) error {
	for _, p := range t.parts {
		if p.variable == "" {
			continue
		}
		raw, ok := v.Vars[p.variable]
		if !ok {
			return fmt.Errorf("vars.%s: %w", p.variable, errNoVariable)
		}
		if err := v.References.Check(raw); err != nil {
			return fmt.Errorf("vars.%s: %w", p.variable, err)
		}
	}
	if t.Secret(v) && t.kind != HostPort && t.kind != Name {
		return nil
	}
	_, err := t.Render(v)
	return err
}
