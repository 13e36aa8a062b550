// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each fault names the setting and shows nothing of the connection string but
// paths of files.
func TestParseDSN_NamesTheSetting(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.pem")
	require.NoError(t, os.WriteFile(junk, []byte("junk"), 0o600))
	gone := filepath.Join(dir, "gone.pem")
	const url = "postgres://u:sesame@h/db?"
	for dsn, want := range map[string]string{
		"":                               "not a valid PostgreSQL connection string",
		"  ":                             "not a valid PostgreSQL connection string",
		"postgres://u:se:sesame@[::1/db": "not a valid PostgreSQL connection string",
		"host=x password='sesame":        "not a valid PostgreSQL connection string",
		"sesame":                         "not a valid PostgreSQL connection string",
		"postgres://u:sesame@h:port/db":  "port: must be a number from 1 to 65535",
		"host=h port=0 password=sesame":  "port: must be a number from 1 to 65535",
		"postgres://u:sesame@h:99999/db": "port: must be a number from 1 to 65535",
		"host=a,b port=1,2,3":            "host, port: ",
		url + "sslmode=verify_full":      "sslmode: must be one of disable",
		url + "sslmode=verify-full&sslrootcert=" + gone:       fmt.Sprintf("sslrootcert: the file of the CA cannot be read: %q: no such file", gone),
		url + "sslmode=verify-full&sslrootcert=" + dir:        fmt.Sprintf("sslrootcert: the file of the CA cannot be read: %q: is a directory", dir),
		url + "sslmode=verify-full&sslrootcert=" + junk:       "sslrootcert: the file has no certificate",
		url + "sslmode=require&sslcert=" + gone:               "sslcert, sslkey: only one of them is set",
		url + "sslmode=require&sslcert=x&sslkey=" + gone:      fmt.Sprintf("sslkey: the file of the client's key cannot be read: %q", gone),
		url + "sslmode=require&sslcert=x&sslkey=" + junk:      "sslkey: the file has no key",
		url + "connect_timeout=sesame":                        "connect_timeout: must be a number",
		url + "target_session_attrs=sesame":                   "target_session_attrs: must be one of",
		url + "service=sesame&servicefile=" + gone:            "service: ",
		url + "application_name=sslmode+is+invalid&sslmode=x": "sslmode: must be one of disable",
	} {
		_, err := ParseDSN(dsn)
		require.ErrorIs(t, err, ErrDSN, dsn)
		assert.ErrorContains(t, err, want, dsn)
		assert.NotContains(t, err.Error(), "sesame", dsn)
		cfg := LazyDSN(dsn)
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg), "sesame")
		_, err = Read(t.Context(), cfg)
		assert.ErrorIs(t, err, ErrDSN, dsn)
	}
}

func TestConfig_StringNamesTheDatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:secret@db.example:6000/tenants": "PostgreSQL database tenants at db.example:6000",
		"host=/run/pg user=u dbname=x":                "PostgreSQL database x at /run/pg",
		"postgresql://u@[::1]/x":                      "PostgreSQL database x at [::1]:5432",
	} {
		cfg, err := ParseDSN(dsn)
		require.NoError(t, err)
		assert.Equal(t, want, cfg.String())
	}
}

func TestConfig_InClear(t *testing.T) {
	for dsn, want := range map[string]bool{
		"postgres://u@db.example/x":                               true, // prefer: without TLS if the server likes
		"postgres://u@db.example/x?sslmode=require":               true, // with anybody's certificate
		"postgres://u@db.example/x?sslmode=verify-full":           false,
		"postgres://u@db.example,other.example/x?sslmode=disable": true,
		"postgres://u@127.0.0.1/x":                                false,
		"postgres://u@localhost/x":                                false,
		"host=/run/pg dbname=x":                                   false,
		"postgres://u@10.0.0.1/x?sslmode=disable":                 true,
		"host=/run/pg,db.example dbname=x sslmode=disable":        true,
	} {
		cfg, err := ParseDSN(dsn)
		require.NoError(t, err)
		assert.Equal(t, want, cfg.InClear(), dsn)
	}
}

func TestMigrations_AreInOrder(t *testing.T) {
	for n := 1; n <= newest(); n++ {
		text, err := migration(n)
		require.NoError(t, err)
		assert.NotEmpty(t, text)
	}
}
