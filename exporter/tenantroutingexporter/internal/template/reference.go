package template

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

// maxReference bounds what a ${file:…} reference reads.
const maxReference = 64 << 10

// Resolve replaces ${env:NAME} and ${file:/path} in value by what they refer to;
// of a file the line end at its end is left out. It is called as late as
// possible, and its result must not be kept where it could be shown. Errors name
// the reference, never what it holds.
func Resolve(value string) (string, error) {
	if !strings.Contains(value, "${") {
		return value, nil
	}
	var b strings.Builder
	err := scan(value, func(literal string) { b.WriteString(literal) }, func(scheme, name string) error {
		switch scheme {
		case "env":
			v, ok := os.LookupEnv(name)
			if !ok {
				return fmt.Errorf("${env:%s} is not set", name)
			}
			b.WriteString(v)
		case "file":
			v, err := readReference(name)
			if err != nil {
				return err
			}
			b.WriteString(v)
		}
		return nil
	})
	return b.String(), err
}

func checkReferences(value string) error {
	return scan(value, func(string) {}, func(string, string) error { return nil })
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

func readReference(path string) (string, error) {
	f, err := regularfile.Open(path)
	if err != nil {
		return "", fmt.Errorf("${file:…}: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReference+1))
	if err != nil {
		return "", fmt.Errorf("${file:…}: %w", err)
	}
	if len(data) > maxReference {
		return "", fmt.Errorf("${file:%s} is larger than %d bytes", path, maxReference)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
