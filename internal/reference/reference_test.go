// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package reference

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// resolve returns the text and what was called a secret.
func resolve(p *Policy, value string) (text string, secrets []string, err error) {
	text, err = p.Resolve(value, func(s string) { secrets = append(secrets, s) })
	return text, secrets, err
}

func TestResolve(t *testing.T) {
	t.Setenv("REFERENCE_TEST_TOKEN", "s3cret")
	dir := t.TempDir()
	write(t, dir+"/token", "from-file\r\n")
	write(t, dir+"/..data/deep", "linked")
	require.NoError(t, os.Symlink("..data/deep", dir+"/kubernetes")) // as mounted secrets are
	p := &Policy{Directories: []string{filepath.Join(dir, "none"), dir}, EnvPrefixes: []string{"NO_", "REFERENCE_TEST_"}}
	for value, want := range map[string][]string{
		"plain":                       {"plain"},
		"":                            {""},
		"${env:REFERENCE_TEST_TOKEN}": {"s3cret", "s3cret"},
		"Bearer ${file:" + dir + "/token}, ${env:REFERENCE_TEST_TOKEN}": {"Bearer from-file, s3cret", "from-file", "s3cret"},
		"${file:" + dir + "/kubernetes}":                                {"linked", "linked"},
		"${file:" + dir + "//token}":                                    {"from-file", "from-file"},
	} {
		require.NoError(t, p.Check(value), value)
		text, secrets, err := resolve(p, value)
		require.NoError(t, err, value)
		assert.Equal(t, want, append([]string{text}, secrets...), value)
	}
}

func TestResolve_RejectsReferencesOutsideThePolicy(t *testing.T) {
	const secret = "s3cret-content"
	t.Setenv("REFERENCE_TEST_OTHER", secret)
	top := t.TempDir()
	dir := top + "/secrets"
	write(t, dir+"/token", secret)
	write(t, top+"/outside", secret)
	write(t, top+"/secrets-of-others/token", secret)
	write(t, dir+"/large", string(make([]byte, maxSize+1)))
	require.NoError(t, os.Symlink(top+"/outside", dir+"/absolute-link"))
	require.NoError(t, os.Symlink("../outside", dir+"/relative-link"))
	require.NoError(t, os.Symlink("..", dir+"/folder-link"))
	require.NoError(t, os.Symlink("/proc/self/environ", dir+"/proc"))
	require.NoError(t, syscall.Mkfifo(dir+"/pipe", 0o600))
	p := &Policy{Directories: []string{dir}, EnvPrefixes: []string{"REFERENCE_TEST_SECRET_"}}
	for value, want := range map[string]string{
		"${file:" + top + "/outside}":                 "references::directories",
		"${file:" + top + "/secrets-of-others/token}": "references::directories",
		"${file:" + dir + "/../outside}":              `".."`,
		"${file:" + dir + "/x/../../outside}":         `".."`,
		"${file:" + dir + "/absolute-link}":           "escapes",
		"${file:" + dir + "/relative-link}":           "escapes",
		"${file:" + dir + "/folder-link/outside}":     "escapes",
		"${file:" + dir + "/proc}":                    "escapes",
		"${file:" + dir + "/pipe}":                    "not a regular file",
		"${file:" + dir + "/large}":                   "larger than",
		"${file:" + dir + "/none}":                    "no such file",
		"${file:" + dir + "}":                         "references::directories",
		"${file:" + dir + "/}":                        "references::directories",
		"${file:token}":                               "absolute",
		"${file:/etc/shadow}":                         "references::directories",
		"${file:/proc/self/environ}":                  "references::directories",
		"${env:REFERENCE_TEST_OTHER}":                 "references::env_prefixes",
		"${env:PATH}":                                 "references::env_prefixes",
		"${env:REFERENCE_TEST_SECRET_UNSET}":          "is not set",
		"${env:}":                                     "neither",
		"${http://x}":                                 "neither",
		"${FILE:/x}":                                  "neither",
		"${yaml:x}":                                   "neither",
		"${env:X":                                     `without "}"`,
	} {
		_, _, err := resolve(p, "a"+value)
		assert.ErrorContains(t, err, want, value)
		assert.NotContains(t, err.Error(), secret)
		_, _, err = resolve(nil, value)
		require.Error(t, err, "without a policy nothing is allowed")
	}
}

func TestCheck_RejectsReferencesThatNoPolicyAllows(t *testing.T) {
	for value, want := range map[string]string{
		"${file:/a/b}": "", "${env:X}": "", "plain": "",
		"${file:a}": "absolute", "${file:/a/../b}": `".."`, "${x}": "neither", "${env:X": `without "}"`,
	} {
		err := Check(value)
		if want == "" {
			assert.NoError(t, err, value)
			continue
		}
		assert.ErrorContains(t, err, want, value)
	}
}

func TestCheckFile(t *testing.T) {
	top := t.TempDir()
	dir := top + "/secrets"
	write(t, dir+"/cert.pem", "x")
	write(t, top+"/key.pem", "x")
	require.NoError(t, os.Symlink(top+"/key.pem", dir+"/link.pem"))
	p := &Policy{Directories: []string{dir}}
	require.NoError(t, p.CheckFile(dir+"/cert.pem"))
	for _, path := range []string{top + "/key.pem", dir + "/link.pem", dir + "/../key.pem", dir, "/etc/shadow", dir + "/none.pem"} {
		err := p.CheckFile(path)
		require.Error(t, err, path)
		assert.NotContains(t, err.Error(), path, "the path may come from a secret")
	}
}
