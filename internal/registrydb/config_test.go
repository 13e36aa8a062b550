package registrydb

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDSN_NeverShowsWhatItCannotRead(t *testing.T) {
	for _, dsn := range []string{
		"", "  ", "postgres://u:se:cret@[::1/db", "host=x password='secret", "postgres://u:secret@h:port/db",
		"postgres://u:secret@h/db?sslmode=secret", "secret", "postgres://u:secret@h/db?connect_timeout=secret",
	} {
		_, err := ParseDSN(dsn)
		require.Error(t, err, dsn)
		assert.Same(t, errDSN, err)
	}
}

func TestConfig_StringSaysWhere(t *testing.T) {
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
