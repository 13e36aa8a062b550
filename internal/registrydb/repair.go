// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

// repair makes a registry that was restored in part editable: it restores its row
// and its history.
func repair(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		schema, err := schemaOf(ctx, tx)
		switch {
		case errors.Is(err, ErrRowGone):
			schema, err = newest(), nil
			if _, insertErr := tx.Exec(ctx, `insert into tenant_registry (schema, head, tenants)
				select $1, $2, count(*) from tenant_registry_tenants`, int32(schema), registryfile.Empty); insertErr != nil {
				err = insertErr
			}
		case err == nil && schema == 0:
			return ErrNoRegistry
		}
		if err != nil || schema < historySchema || schema > newest() {
			return err
		}
		text, err := migration(historySchema)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("restoring the history: %w", err)
		}
		return nil
	})
}

// moveLogAside renames the tables of the audit log and creates new ones.
func moveLogAside(ctx context.Context, tx pgx.Tx) error {
	suffix := time.Now().UTC().Format("20060102150405")
	for _, name := range []string{"tenant_registry_audit", "tenant_registry_audit_hash", "tenant_registry_audit_checkpoint"} {
		if _, err := tx.Exec(ctx, fmt.Sprintf("alter table if exists %s rename to %s_%s", name, name, suffix)); err != nil {
			return err
		}
	}
	text, err := migration(auditSchema)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol)
	return err
}

// auditSchema is the layout that introduced the audit log.
const auditSchema = 2
