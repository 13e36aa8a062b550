// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
)

// A database that does not answer is in health long before the timeout, and
// what was changed meanwhile is in force when it answers.
func testPostgresHangs(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a", "b")
	f.cfg.Postgres.Timeout = time.Minute // longer than the test
	f.start()
	require.Nil(t, f.reg.health().Failure)
	conn, err := pgx.Connect(t.Context(), s.DSN(f.database))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "begin; lock table tenant_registry in access exclusive mode", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		failure := f.reg.health().Failure
		return failure != nil && failure.Class == healthboard.FailureUnavailable && !failure.Since.IsZero()
	}, inForceWithin, time.Millisecond)
	metadatatest.AssertEqualExtensionTenantRegistrySourceOk(t, f.tel, []metricdata.DataPoint[int64]{{Value: 0}}, metricdatatest.IgnoreTimestamp())
	assert.Equal(t, "a b", f.ids())
	_, err = conn.Exec(t.Context(), "delete from tenant_registry_tenants where id = 'b'; commit", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.NoError(t, conn.Close(context.Background()))
	f.eventually("a")
	require.Eventually(t, func() bool { return f.reg.health().Failure == nil }, inForceWithin, time.Millisecond)
	metadatatest.AssertEqualExtensionTenantRegistrySourceOk(t, f.tel, []metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
}

// A fault of a connection string is reported with the name of the setting, and ends
// without a restart.
func testPostgresBrokenDSN(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.start()
	f.stop()
	require.FileExists(t, f.cfg.Snapshot)
	good := f.cfg.Postgres.DSN
	ca := filepath.Join(t.TempDir(), "ca.pem")
	withCA := strings.Replace(string(good), "sslmode=disable", "sslmode=verify-full&sslrootcert="+ca, 1)
	withCA = strings.Replace(withCA, "127.0.0.1", "localhost", 1)
	for name, test := range map[string]struct {
		dsn, want string
		class     healthboard.FailureClass
	}{
		"sslmode":   {strings.Replace(string(good), "disable", "verify_full", 1), `"postgres::dsn": sslmode: must be one of`, healthboard.FailureConfig},
		"port":      {"host=127.0.0.1 port=70000", `"postgres::dsn": port: must be a number`, healthboard.FailureConfig},
		"no string": {"tenants", `"postgres::dsn": not a valid PostgreSQL connection string`, healthboard.FailureConfig},
		"host":      {"postgres://u@host.invalid/db", "host.invalid", healthboard.FailureUnavailable},
		"CA":        {withCA, fmt.Sprintf(`"postgres::dsn": sslrootcert: the file of the CA cannot be read: %q`, ca), healthboard.FailureConfig},
	} {
		f.cfg.Postgres.DSN = configopaque.String(test.dsn)
		require.NoError(t, confmap.Validate(f.cfg), name)
		f.start()
		assert.Equal(t, "a", f.ids(), name)
		assert.Equal(t, componentstatus.StatusRecoverableError, f.host.status(), name)
		require.NotEmpty(t, f.errorsLogged(), name)
		assert.Contains(t, f.errorsLogged()[0], test.want, name)
		assert.Equal(t, test.class, f.reg.health().Failure.Class, name)
		if name != "CA" {
			f.stop()
			snapshot := f.cfg.Snapshot
			f.cfg.Snapshot = ""
			f.start()
			assert.Equal(t, "none", f.ids(), "without a copy it starts too")
			assert.Contains(t, f.errorsLogged()[0], test.want, name)
			f.cfg.Snapshot = snapshot
			f.stop()
			continue
		}
		data, err := os.ReadFile(s.CA())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(ca, data, 0o600))
		f.statusSoon(componentstatus.StatusOK)
		f.write(yamlOf("a", "b"))
		f.eventually("a b")
		f.write(yamlOf("a"))
		f.eventually("a")
		f.stop()
		require.NoError(t, os.Remove(ca))
	}
}

func testPostgresRowGone(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.start()
	f.exec("delete from tenant_registry")
	f.statusSoon(componentstatus.StatusRecoverableError)
	assert.Contains(t, f.errorsLogged()[0], registrydb.ErrRowGone.Error())
	assert.Equal(t, healthboard.FailureMissing, f.reg.health().Failure.Class)
	f.exec("drop table tenant_registry")
	require.Eventually(t, func() bool { return len(f.errorsLogged()) == 2 }, inForceWithin, time.Millisecond)
	assert.Contains(t, f.errorsLogged()[1], registrydb.ErrNoRegistry.Error())
	f.always("a")
}
