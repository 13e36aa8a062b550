// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

func secretRules() []Rule {
	return []Rule{
		{
			ID: "OT301", Family: FamilySecrets, Severity: finding.Error,
			Title: "A secret is in the file in clear text",
			Why:   "Configurations are in version control, in backups and in tickets, and have more readers than secrets.",
			Fix:   "Put the secret into a file that only the collector can read, and write ${file:PATH} or the key with _file.",
			check: checkClearSecrets,
		},
		{
			ID: "OT302", Family: FamilySecrets, Severity: finding.Error,
			Title: "A secret file is readable by every user of the machine",
			Why:   "Every local program can send as the tenant, or decrypt or change what the secret protects. Only files that exist on this machine are checked.",
			Fix:   "Run chmod o= on the file, and chown it to the user of the collector.",
			check: checkSecretFiles,
		},
		{
			ID: "OT303", Family: FamilySecrets, Severity: finding.Note,
			Title: "A secret is in the environment of the process",
			Why:   "Child processes inherit the environment, crash reports and container tools show it, and a change needs a restart.",
			Fix:   "Write ${file:PATH}, or the key with _file, and pass the file with LoadCredential= of systemd or as a secret of the container.",
			check: checkEnvSecrets,
		},
	}
}

var (
	tenantKey   = regexp.MustCompile(`\bobs_[A-Za-z0-9]+_[A-Za-z0-9]{16,}`)
	userinfo    = regexp.MustCompile(`://[^/?#@\s:]*:[^/?#@\s]+@`)
	dsnPassword = regexp.MustCompile(`(^|\s)password\s*=\s*\S`)
)

// secretNames are settings that hold a secret, or end in an underscore and one of them.
var secretNames = []string{
	"password", "passphrase", "token", "bearer_token", "secret", "api_key", "apikey", "access_key", "secret_key", "private_key", "key_pem", "dsn",
}

// secretHeaders are parts of the names of headers that hold a secret.
var secretHeaders = []string{"authorization", "token", "api-key", "apikey", "ingestion-key", "secret", "cookie"}

// holdsSecret reports whether the setting at path holds a secret.
func holdsSecret(path []string) bool {
	name := strings.ToLower(path[len(path)-1])
	if len(path) > 1 && path[len(path)-2] == "headers" {
		return slices.ContainsFunc(secretHeaders, func(part string) bool { return strings.Contains(name, part) })
	}
	if name == "key" { // of bearer_key_auth; other components name attributes with it
		return len(path) > 3 && path[0] == "extensions" && typeOf(path[1]) == typeKeyAuth && path[2] == "client"
	}
	return slices.ContainsFunc(secretNames, func(secret string) bool { return name == secret || strings.HasSuffix(name, "_"+secret) })
}

// headerPath returns the path of a header that is written as {name: NAME, value: VALUE}.
func headerPath(path []string, item *value) []string {
	if name := item.at("name").text(); name != "" && item.at("value") != nil {
		return append(slices.Clip(path), name)
	}
	return nil
}

// secrets calls f for every scalar of the configuration, with its path and whether it holds a
// secret by its name.
func (c *config) secrets(f func(path []string, v *value, secret bool)) {
	c.root.walk(func(path []string, v *value) {
		switch {
		case v.kind == kindScalar:
			f(path, v, holdsSecret(path))
		case v.kind == kindMapping && len(path) > 0 && path[len(path)-1] == "headers":
			if header := headerPath(path, v); header != nil && holdsSecret(header) && v.at("value").kind == kindScalar {
				f(header, v.at("value"), true)
			}
		}
	})
}

func checkClearSecrets(c *config, report reporter) {
	c.secrets(func(path []string, v *value, secret bool) {
		key := strings.Join(path, "::")
		text := v.written
		switch {
		case tenantKey.MatchString(text):
			report(v, key, "has the key of a tenant in clear text")
		case userinfo.MatchString(text):
			report(v, key, "has a password in a URL in clear text")
		case !secret || len(v.refs) > 0 || text == "" || strings.Contains(text, "{") || textOf(v.scalar) == "true" || textOf(v.scalar) == "false":
		case strings.HasSuffix(path[len(path)-1], "dsn") && !dsnPassword.MatchString(text):
		default:
			report(v, key, "is a secret in clear text")
		}
	})
}

func checkEnvSecrets(c *config, report reporter) {
	c.secrets(func(path []string, v *value, secret bool) {
		if !secret {
			return
		}
		if strings.HasSuffix(path[len(path)-1], "dsn") && v.known && !userinfo.MatchString(v.text()) && !dsnPassword.MatchString(v.text()) {
			return
		}
		for _, ref := range v.refs {
			if ref.scheme == schemeEnv {
				report(v, strings.Join(path, "::"), "comes from the environment variable %s", ref.name)
				return
			}
		}
	})
}

// maxSecretFiles bounds the files of a directory that are looked at.
const maxSecretFiles = 1000

func checkSecretFiles(c *config, report reporter) {
	if runtime.GOOS == "windows" {
		return // its files have no such permissions
	}
	c.root.walk(func(path []string, v *value) {
		if v.kind != kindScalar {
			return
		}
		key, name := strings.Join(path, "::"), path[len(path)-1]
		for _, ref := range v.refs {
			if ref.scheme == schemeFile && worldReadable(ref.name) {
				report(v, key, "refers to %s, which every user can read", ref.name)
			}
		}
		switch file := v.text(); {
		case file == "":
		case name == "key_file" || strings.HasSuffix(name, "_key_file") || strings.HasSuffix(name, "password_file") || strings.HasSuffix(name, "token_file"):
			if worldReadable(file) {
				report(v, key, "is %s, which every user can read", file)
			}
		case len(path) > 1 && name == "directories" && path[len(path)-2] == "references":
			if found := firstReadable(file); found != "" {
				report(v, key, "has %s, which every user can read", found)
			}
		}
	})
	if c.registry == nil || !c.registry.set.File {
		return
	}
	for _, file := range []string{c.registry.set.Name, c.registry.set.Name + ".audit-key"} {
		if worldReadable(file) {
			report(c.registry.root, "registry", "%s is readable by every user", file)
		}
	}
}

// worldReadable reports whether a regular file exists, and users other than its owner and group
// can read it.
func worldReadable(path string) bool {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return false
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 == 0 {
		return false
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// firstReadable returns a file in a directory that every user can read, or "".
func firstReadable(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, entry := range entries[:min(len(entries), maxSecretFiles)] {
		if path := filepath.Join(dir, entry.Name()); worldReadable(path) {
			return path
		}
	}
	return ""
}
