package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Kind says where a string is used.
type Kind uint8

const (
	// Header is the value of a header: any printable ASCII.
	Header Kind = iota
	// URL is an HTTP URL. If it begins with {vars.x}, that value may be a whole
	// URL; elsewhere a value is one token.
	URL
	// HostPort is a gRPC target. If it begins with {vars.x}, that value may be
	// host:port with or without http:// or https://; elsewhere a value is one token.
	HostPort
	// Path is a path of files. If it begins with {vars.x}, that value may be a
	// path without ".."; elsewhere a value is one token.
	Path
	// Text is any other setting. If it is a template as a whole, the value is
	// any printable text; otherwise a value is one token.
	Text
)

// Values are what a template may use.
type Values struct {
	Tenant tenant.ID
	Vars   map[string]string
}

type part struct {
	literal  string
	isTenant bool
	variable string // name, if neither literal nor tenant
}

func (p part) isLiteral() bool { return !p.isTenant && p.variable == "" }

// Template is a checked template. It is immutable.
type Template struct {
	kind  Kind
	text  string
	parts []part
}

// Compile checks text. The error names the fault.
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

// Dynamic tells whether the result depends on the tenant.
func (t *Template) Dynamic() bool {
	for _, p := range t.parts {
		if !p.isLiteral() {
			return true
		}
	}
	return false
}

// Key returns a string that is equal for values that render alike. It holds
// references as they are written, never what they refer to.
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

// Secret tells whether a value it uses refers to something outside of the
// registry.
func (t *Template) Secret(v Values) bool {
	for _, p := range t.parts {
		if p.variable != "" && strings.Contains(v.Vars[p.variable], "${") {
			return true
		}
	}
	return false
}

// Render returns the text for v, with references in the values resolved.
func (t *Template) Render(v Values) (string, error) {
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
			value, err := t.value(i, v)
			if err != nil {
				return "", fmt.Errorf("vars.%s: %w", p.variable, err)
			}
			b.WriteString(value)
		}
	}
	out := b.String()
	if err := checkWhole(t.kind, out); err != nil {
		return "", err
	}
	return out, nil
}

// value returns the checked value of the variable that is part i.
func (t *Template) value(i int, v Values) (string, error) {
	raw, ok := v.Vars[t.parts[i].variable]
	if !ok {
		return "", errors.New("the tenant has no such variable")
	}
	value, err := Resolve(raw)
	if err != nil {
		return "", err
	}
	if value == "" {
		return "", errors.New("is empty")
	}
	free := false
	switch t.kind {
	case Header:
		free = true
	case URL, HostPort, Path:
		free = i == 0
	case Text:
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

// Check returns what keeps the template from being filled for v, without
// resolving references. Nil does not promise that Render succeeds.
func (t *Template) Check(v Values) error {
	for _, p := range t.parts {
		if p.variable == "" {
			continue
		}
		raw, ok := v.Vars[p.variable]
		if !ok {
			return fmt.Errorf("vars.%s: the tenant has no such variable", p.variable)
		}
		if err := checkReferences(raw); err != nil {
			return fmt.Errorf("vars.%s: %w", p.variable, err)
		}
	}
	if t.Secret(v) {
		return nil
	}
	_, err := t.Render(v)
	return err
}
