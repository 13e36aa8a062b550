// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana"
)

func TestReadCredentials(t *testing.T) {
	for content, want := range map[string]string{
		"admin:secret\n": "admin secret", "ops:a:b": "ops a:b", "only-a-password\n": "admin only-a-password", "a:b\r\n": "a b",
		"": "error", ":x": "error", "x:": "error", "a:b\nc:d\n": "error", "a:\x01b": "error", strings.Repeat("x", 5000): "error",
	} {
		file := filepath.Join(t.TempDir(), "credentials")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		c, err := grafana.ReadCredentials(file)
		if want == "error" {
			require.Error(t, err, "%.20q", content)
			continue
		}
		require.NoError(t, err, "%q", content)
		assert.Equal(t, want, c.User+" "+c.Password)
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", c, c, c, c), c.Password)
	}
	file := filepath.Join(t.TempDir(), "credentials")
	require.NoError(t, os.WriteFile(file, []byte("a:b"), 0o600))
	require.NoError(t, os.Chmod(file, 0o644))
	_, err := grafana.ReadCredentials(file)
	require.ErrorContains(t, err, "chmod 600")
	_, err = grafana.ReadCredentials(file + "x")
	require.ErrorContains(t, err, "no such file")
}

func TestNew_ChecksTheSettings(t *testing.T) {
	for address, want := range map[string]string{
		"": "not valid", "grafana:3000": "not valid", "ftp://grafana": "must begin with", "http://a:b@grafana": "credentials file", "http://grafana?x=y": "query",
	} {
		_, err := grafana.New(grafana.Settings{URL: address, Credentials: grafana.Credentials{User: "a", Password: "b"}})
		require.ErrorContains(t, err, want, address)
	}
	_, err := grafana.New(grafana.Settings{URL: "https://grafana"})
	require.ErrorContains(t, err, "no credentials")
}

// The password of an administrator must not be sent to another machine in clear text by mistake.
func TestNew_RefusesClearText(t *testing.T) {
	for address, refused := range map[string]bool{
		"http://grafana:3000": true, "http://192.0.2.1": true, "http://localhost.example": true, "http://0.0.0.0:3000": true, "http://[2001:db8::1]": true,
		"http://localhost:3000": false, "http://127.0.0.9": false, "http://[::1]:3000": false, "http://[::ffff:127.0.0.1]": false, "https://grafana": false,
	} {
		set := grafana.Settings{URL: address, Credentials: grafana.Credentials{User: "a", Password: "b"}}
		_, err := grafana.New(set)
		if !refused {
			require.NoError(t, err, address)
			continue
		}
		require.ErrorAs(t, err, new(*grafana.ClearTextError), address)
		set.Insecure = true
		_, err = grafana.New(set)
		require.NoError(t, err, address)
	}
}
