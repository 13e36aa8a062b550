// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

//go:embed migrations/*.sql
var migrations embed.FS

var (
	// ErrNoRegistry is returned for a database without a registry.
	ErrNoRegistry = errors.New("there is no registry in the database; the first \"tenantctl tenant create\" or \"tenantctl registry import\" creates one. If there was one, restore its backup, or import a gateway's snapshot, and then run \"tenantctl registry accept-restore\"")

	// ErrRowGone is returned for a database that has lost the row of its registry.
	ErrRowGone = errors.New("the registry is incomplete: the table tenant_registry has lost its row; \"tenantctl registry accept-restore\" restores it with the tenants that are there")

	// ErrSchema is returned for a database whose tables have the layout of another
	// version of the program.
	ErrSchema = errors.New("the tables of the database have the layout of another version")
)

// historySchema is the first layout with a history.
const historySchema = 3

// minReadable is the oldest layout that a gateway can read.
const minReadable = 1

// migrationLock is the number of the advisory lock that migrations take.
const migrationLock = 0x6f74656c_74656e61

// newest returns the number of the last migration.
func newest() int {
	all, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		panic(err) // they are part of the program
	}
	return len(all)
}

// migration returns the statements of migration number n, counted from 1.
func migration(n int) (string, error) {
	all, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return "", err
	}
	name := all[n-1].Name()
	if number, err := strconv.Atoi(strings.SplitN(name, "_", 2)[0]); err != nil || number != n {
		return "", fmt.Errorf("migration %s is out of order", name)
	}
	text, err := migrations.ReadFile(path.Join("migrations", name))
	return string(text), err
}

// migrate brings the database up to the newest layout, or to the layout upTo if that
// is not 0, in one transaction. It returns the number of the layout before, which is
// 0 if there was no registry.
func migrate(ctx context.Context, conn *pgx.Conn, upTo int) (was int, err error) {
	was, err = migrateOnce(ctx, conn, upTo)
	if hasCode(err, "42P07") {
		// Another program created the table while this transaction waited for the lock
		// and could not see it.
		was, err = migrateOnce(ctx, conn, upTo)
	}
	return was, err
}

func migrateOnce(ctx context.Context, conn *pgx.Conn, upTo int) (was int, err error) {
	if upTo == 0 {
		upTo = newest()
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		if was, err = schemaOf(ctx, tx); err != nil {
			return err
		}
		if was > upTo {
			return newerSchema(was)
		}
		for n := was + 1; n <= upTo; n++ {
			text, err := migration(n)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("migration %d: %w", n, err)
			}
		}
		if was == 0 {
			_, err = tx.Exec(ctx, "insert into tenant_registry (schema, head) values ($1, $2)", int32(upTo), registryfile.Empty)
		} else if was < upTo {
			_, err = tx.Exec(ctx, "update tenant_registry set schema = $1", int32(upTo))
		}
		return err
	})
	return was, err
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schemaOf returns the number of the layout, 0 if there is no registry.
func schemaOf(ctx context.Context, q querier) (int, error) {
	var there bool
	if err := q.QueryRow(ctx, "select to_regclass('tenant_registry') is not null").Scan(&there); err != nil || !there {
		return 0, err
	}
	var schema int32
	err := q.QueryRow(ctx, "select schema from tenant_registry").Scan(&schema)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrRowGone
	}
	return int(schema), err
}

func newerSchema(schema int) error {
	return fmt.Errorf("%w: it has layout %d and this program knows layouts up to %d; upgrade the program", ErrSchema, schema, newest())
}

// hasCode reports whether err has an error code of PostgreSQL: 42P01 means that a
// table does not exist, 42P07 that it exists already.
func hasCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}
