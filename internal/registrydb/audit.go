// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// auditLog is the log of changes in a transaction.
type auditLog struct{ tx pgx.Tx }

var _ audit.Storage = auditLog{}

// Checkpoint implements audit.Storage.
func (l auditLog) Checkpoint(ctx context.Context) ([]byte, error) {
	var note string
	err := l.tx.QueryRow(ctx, "select note from tenant_registry_audit_checkpoint").Scan(&note)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return []byte(note), err
}

// Hashes implements audit.Storage.
func (l auditLog) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	got := make(map[int64]tlog.Hash, len(indexes))
	err := l.each(ctx, func(idx int64, hash []byte) error {
		h, err := toHash(hash)
		got[idx] = h
		return err
	}, "select idx, hash from tenant_registry_audit_hash where idx = any($1)", indexes)
	if err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		h, ok := got[i]
		if !ok {
			return nil, errHash
		}
		out[n] = h
	}
	return out, nil
}

var errHash = errors.New("a hash of the audit log is missing or cut off")

func toHash(raw []byte) (h tlog.Hash, err error) {
	if len(raw) != len(h) {
		return h, errHash
	}
	copy(h[:], raw)
	return h, nil
}

// AllHashes implements audit.Storage. A gap becomes a hash of zeros, which a
// complete log does not have.
func (l auditLog) AllHashes(ctx context.Context) ([]tlog.Hash, error) {
	var out []tlog.Hash
	err := l.each(ctx, func(idx int64, raw []byte) error {
		h, err := toHash(raw)
		if err != nil || idx != int64(len(out)) {
			h = tlog.Hash{}
		}
		out = append(out, h)
		return nil
	}, "select idx, hash from tenant_registry_audit_hash order by idx")
	return out, err
}

// Entries implements audit.Storage. The sequence number of an entry is part of its
// text; the number of its row only orders it.
func (l auditLog) Entries(ctx context.Context, f func(text []byte) error) error {
	n := int64(0)
	return l.each(ctx, func(seq int64, text []byte) error {
		if seq != n {
			text = append(text, " (another row)"...) // a complete log has no gaps
		}
		n++
		return f(text)
	}, "select seq, entry::text from tenant_registry_audit order by seq")
}

// each calls f for every row, which has a number and bytes.
func (l auditLog) each(ctx context.Context, f func(n int64, data []byte) error, sql string, args ...any) error {
	rows, err := l.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var data []byte
		if err := rows.Scan(&n, &data); err != nil {
			return err
		}
		if err := f(n, data); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Append implements audit.Storage.
func (l auditLog) Append(ctx context.Context, a audit.Addition) error {
	for n, text := range a.Texts {
		if _, err := l.tx.Exec(ctx, "insert into tenant_registry_audit (seq, entry) values ($1, $2)", a.Seq+int64(n), string(text)); err != nil {
			return err
		}
	}
	indexes, hashes := make([]int64, len(a.Hashes)), make([][]byte, len(a.Hashes))
	for n, h := range a.Hashes {
		indexes[n], hashes[n] = a.First+int64(n), h[:]
	}
	if _, err := l.tx.Exec(ctx, "insert into tenant_registry_audit_hash (idx, hash) select * from unnest($1::bigint[], $2::bytea[])", indexes, hashes); err != nil {
		return err
	}
	_, err := l.tx.Exec(ctx, `insert into tenant_registry_audit_checkpoint (note) values ($1)
		on conflict (only_row) do update set note = excluded.note`, string(a.Checkpoint))
	return err
}

// ReadAudit calls f with the log in one snapshot of the database, and the ID of the
// registry, under which its keys are stored.
func ReadAudit(ctx context.Context, cfg *Config, f func(log audit.Storage, registry string) error) error {
	return withConn(ctx, cfg, func(conn *pgx.Conn) error {
		if err := ready(ctx, conn, false); err != nil {
			return err
		}
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		return pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
			s, err := readState(ctx, tx)
			if err != nil {
				return err
			}
			return f(auditLog{tx}, s.id)
		})
	})
}
