// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentinstall

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

// UnitName is the name of the agent's unit.
const UnitName = "otelcol-tenant-agent.service"

// maxUnitBytes bounds the size of a file of a unit.
const maxUnitBytes = 1 << 20

// Unit is what a systemd unit and its drop-ins say about a service.
type Unit struct {
	Name  string
	Files []string // the unit, then its drop-ins

	ExecStart       []string // program and arguments
	User, Group     string
	Groups          []string // SupplementaryGroups=
	Capabilities    []string // AmbientCapabilities=, in capital letters
	ProtectHome     string
	EnvironmentFile []EnvironmentFile
	Environment     envfile.Variables
	Credentials     map[string]string // LoadCredential=: ID to path
}

// EnvironmentFile is one EnvironmentFile= of a unit.
type EnvironmentFile struct {
	Path     string
	Optional bool // the file need not exist
}

// unitFolders are the folders of units, the first has precedence.
func unitFolders() []string {
	return []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}
}

// FindUnit returns the unit of a name below the folder root, which is / except in tests. The error is
// fs.ErrNotExist if there is none.
func FindUnit(root, name string) (*Unit, error) {
	u := &Unit{Name: name, Credentials: map[string]string{}}
	dropIns := map[string]string{} // by name of file; those of earlier folders hide later ones
	for _, folder := range unitFolders() {
		folder = filepath.Join(root, folder)
		if path := filepath.Join(folder, name); len(u.Files) == 0 {
			if _, err := os.Stat(path); err == nil {
				u.Files = []string{path}
			}
		}
		found, err := filepath.Glob(filepath.Join(escapeGlob(folder), name+".d", "*.conf"))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if base := filepath.Base(path); dropIns[base] == "" {
				dropIns[base] = path
			}
		}
	}
	if len(u.Files) == 0 {
		return nil, fmt.Errorf("there is no unit %s: %w", name, fs.ErrNotExist)
	}
	for _, base := range slices.Sorted(maps.Keys(dropIns)) {
		u.Files = append(u.Files, dropIns[base])
	}
	for _, path := range u.Files {
		text, err := readFile(path, maxUnitBytes)
		if err != nil {
			return nil, err
		}
		if err := u.merge(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return u, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// readFile returns the text of a file of limited size.
func readFile(path string, limit int64) (string, error) {
	f, err := regularfile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(data)) > limit {
		return "", fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return string(data), nil
}

// merge applies the settings of one file.
func (u *Unit) merge(text string) error {
	section := ""
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			line = line[:len(line)-1] + " " + strings.TrimSpace(lines[i])
		}
		if line[0] == '[' {
			section = line
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if section != "[Service]" {
			continue
		}
		if err := u.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// set applies one setting. An empty value resets a list.
func (u *Unit) set(key, value string) error {
	words, err := splitWords(value)
	if err != nil {
		return err
	}
	for i, word := range words {
		words[i] = u.expand(word)
	}
	switch key {
	case "ExecStart":
		if len(words) > 0 {
			words[0] = strings.TrimLeft(words[0], "-+!:@")
		}
		u.ExecStart = words
	case "User":
		u.User = value
	case "Group":
		u.Group = value
	case "SupplementaryGroups":
		u.Groups = extend(u.Groups, words)
	case "AmbientCapabilities":
		u.Capabilities = extend(u.Capabilities, strings.Fields(strings.ToUpper(value)))
	case "ProtectHome":
		u.ProtectHome = value
	case "EnvironmentFile":
		if value == "" {
			u.EnvironmentFile = nil
			return nil
		}
		path, optional := strings.CutPrefix(u.expand(value), "-")
		u.EnvironmentFile = append(u.EnvironmentFile, EnvironmentFile{path, optional})
	case "Environment":
		if value == "" {
			u.Environment = nil
		}
		for _, word := range words {
			if name, v, ok := strings.Cut(word, "="); ok {
				u.Environment = append(u.Environment, envfile.Variable{Name: name, Value: v})
			}
		}
	case "LoadCredential", "LoadCredentialEncrypted":
		if value == "" {
			u.Credentials = map[string]string{}
		} else if id, path, ok := strings.Cut(u.expand(value), ":"); ok {
			u.Credentials[id] = path
		}
	}
	return nil
}

func extend(list, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return append(list, words...)
}

// expand replaces the specifiers of systemd that units of agents use.
func (u *Unit) expand(text string) string {
	return strings.NewReplacer(
		"%%", "%", "%n", u.Name, "%N", strings.TrimSuffix(u.Name, ".service"), "%p", strings.TrimSuffix(u.Name, ".service"),
		"%t", "/run", "%S", "/var/lib", "%d", "/run/credentials/"+u.Name,
	).Replace(text)
}

var errQuote = errors.New("has a quote that is not closed")

// splitWords splits a value into words, which may be quoted.
func splitWords(text string) ([]string, error) {
	var words []string
	var b strings.Builder
	inWord := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			end := i + 1
			for ; end < len(text) && text[end] != c; end++ {
				if text[end] == '\\' && end+1 < len(text) {
					end++
				}
				b.WriteByte(text[end])
			}
			if end >= len(text) {
				return nil, errQuote
			}
			i, inWord = end, true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
			inWord = true
		case c == ' ' || c == '\t':
			if inWord {
				words = append(words, b.String())
				b.Reset()
				inWord = false
			}
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, nil
}

// Configs returns the values of --config in ExecStart.
func (u *Unit) Configs() []string { return configFlags(u.ExecStart) }

// configFlags returns the values of --config in a command line.
func configFlags(args []string) (configs []string) {
	for i := 0; i < len(args); i++ {
		name, value, assigned := strings.Cut(args[i], "=")
		if name != "--config" && name != "-config" {
			continue
		}
		if !assigned && i+1 < len(args) {
			i++
			value = args[i]
		}
		if value != "" {
			configs = append(configs, value)
		}
	}
	return configs
}

// Variables returns the environment that the unit sets. Variables of files have precedence.
func (u *Unit) Variables(root string) (envfile.Variables, error) {
	all := slices.Clone(u.Environment)
	for _, f := range u.EnvironmentFile {
		one, err := ReadEnv(filepath.Join(root, f.Path))
		switch {
		case err == nil:
			all = append(all, one...)
		case f.Optional && errors.Is(err, fs.ErrNotExist):
		default:
			return all, err
		}
	}
	return all, nil
}

// ReadEnv returns the variables in an environment file.
func ReadEnv(path string) (envfile.Variables, error) {
	text, err := readFile(path, envfile.MaxBytes)
	if err != nil {
		return nil, err
	}
	all, err := envfile.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}
