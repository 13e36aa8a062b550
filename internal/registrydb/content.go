// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxSize bounds the registry as a whole.
const maxSize = 256 << 20

// maxShownFaults bounds the number of faults in the text of an error, which ends
// with the number of the others.
const maxShownFaults = 50

// RowFault is the reason why a row cannot be part of a registry.
type RowFault struct {
	Row    int // counted from 1
	Tenant string
	Reason string
}

// RowFaults lists every row that cannot be part of a registry. It is never empty.
type RowFaults []RowFault

// Error implements error with one line per row.
func (fs RowFaults) Error() string {
	var lines []string
	for _, f := range fs[:min(len(fs), maxShownFaults)] {
		lines = append(lines, fmt.Sprintf("tenant %q: its row %s", f.Tenant, f.Reason))
	}
	if more := len(fs) - maxShownFaults; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// ErrInconsistent is the error of rows that were read and that cannot be what was
// written, or that must not come into force.
var ErrInconsistent = errors.New("the rows are inconsistent")

// inconsistentError is an ErrInconsistent with the reason.
type inconsistentError struct{ error }

func (inconsistentError) Is(target error) bool { return target == ErrInconsistent }

func (e inconsistentError) Unwrap() error { return e.error }

func inconsistent(format string, args ...any) error {
	return inconsistentError{fmt.Errorf(format, args...)}
}

// state is the row of the registry as a whole.
type state struct {
	id, token string
	schema    int32
	revision  int64
	tenants   int64
	head      string
	epoch     int64
	at        time.Time // of the last change, by the clock of the database
}

// version returns the version of the registry in its history.
func (s state) version() history.Version {
	return history.Version{Kind: history.KindPostgres, Registry: s.id, Epoch: s.epoch, Revision: s.revision, Token: s.token}
}

// row is the stored form of one tenant.
type row struct {
	position int64
	sum      [sha256.Size]byte
	text     []byte
}

// content is the state of a registry at one moment.
type content struct {
	state
	had   history.Answer // whether the history contains the version that was asked for
	order []string       // the IDs, in the order of the file
	rows  map[string]row
}

func readState(ctx context.Context, q querier) (state, error) {
	var s state
	// The epoch is read in another way because tables of older layouts have none.
	err := q.QueryRow(ctx, `select id::text, token::text, schema, revision, tenants, head,
		coalesce((to_jsonb(r) ->> 'epoch')::bigint, 0), changed_at from tenant_registry r`).
		Scan(&s.id, &s.token, &s.schema, &s.revision, &s.tenants, &s.head, &s.epoch, &s.at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return s, ErrRowGone
	case hasCode(err, "42P01"):
		return s, ErrNoRegistry
	case err != nil:
		return s, err
	case s.schema < minReadable || int(s.schema) > newest():
		return s, newerSchema(int(s.schema))
	}
	return s, nil
}

// had returns whether the history of s contains the version last.
func (s state) had(ctx context.Context, tx pgx.Tx, last history.Version) (history.Answer, error) {
	if s.schema < historySchema || last.Registry != s.id || last.Revision >= s.revision || last.Epoch != s.epoch {
		return history.Unknown, nil // Compare needs no answer, or there is none
	}
	var yes bool
	err := tx.QueryRow(ctx, "select tenant_registry_had($1, $2::uuid)", last.Revision, last.Token).Scan(&yes)
	switch {
	case hasCode(err, "42883") || hasCode(err, "42P01"):
		return history.No, inconsistent("the history of the registry is not in the database: it was restored in part; run \"tenantctl registry accept-restore\"")
	case err != nil:
		return history.Unknown, err
	case yes:
		return history.Yes, nil
	}
	return history.No, nil
}

// readContent reads the registry in one snapshot of the database, and whether its
// history contains the version last. Rows in known with the same digest are not
// fetched again. progress is called after each answer of the database.
func readContent(ctx context.Context, conn *pgx.Conn, known map[string]row, last history.Version, progress func()) (content, error) {
	var c content
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) (err error) {
		if c.state, err = readState(ctx, tx); err != nil {
			return err
		}
		progress()
		if c.had, err = c.state.had(ctx, tx, last); err != nil {
			return err
		}
		progress()
		if err := c.readIndex(ctx, tx); err != nil {
			return err
		}
		progress()
		return c.fetch(ctx, tx, known, progress)
	})
	if err != nil {
		return content{}, err
	}
	return c, nil
}

// readIndex reads everything but the documents.
func (c *content) readIndex(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "select id, position, sha256 from tenant_registry_tenants order by position, id")
	if err != nil {
		return err
	}
	c.rows = make(map[string]row)
	for rows.Next() {
		var id string
		var sum []byte
		var r row
		if err := rows.Scan(&id, &r.position, &sum); err != nil {
			rows.Close()
			return err
		}
		if len(sum) != len(r.sum) {
			rows.Close()
			return inconsistent("tenant %q: its row has no SHA-256", id)
		}
		copy(r.sum[:], sum)
		c.rows[id] = r
		c.order = append(c.order, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if int64(len(c.order)) != c.tenants || len(c.rows) != len(c.order) {
		return inconsistent("the database returned %d tenants, and its registry has %d", len(c.order), c.tenants)
	}
	return nil
}

// fetch reads the documents that are not in known.
func (c *content) fetch(ctx context.Context, tx pgx.Tx, known map[string]row, progress func()) error {
	var want []string
	for _, id := range c.order {
		r := c.rows[id]
		if old, ok := known[id]; ok && old.sum == r.sum {
			r.text = old.text
			c.rows[id] = r
			continue
		}
		want = append(want, id)
	}
	if len(want) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, "select id, document from tenant_registry_tenants where id = any($1)", want)
	if err != nil {
		return err
	}
	size, got := 0, 0
	for rows.Next() {
		var id string
		var text []byte
		if err := rows.Scan(&id, &text); err != nil {
			rows.Close()
			return err
		}
		r, ok := c.rows[id]
		if !ok || r.text != nil || sha256.Sum256(text) != r.sum {
			rows.Close()
			return inconsistent("tenant %q: its document does not match its SHA-256", id)
		}
		if size += len(text); size > maxSize {
			rows.Close()
			return inconsistent("the registry has more than %d bytes", maxSize)
		}
		r.text = text
		c.rows[id] = r
		progress()
		got++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if got != len(want) {
		return inconsistent("the database returned %d documents of %d", got, len(want))
	}
	return nil
}

// text returns the registry file that the rows form, or an error that names every
// row that cannot be part of one. Rows in known were checked before.
func (c *content) text(known map[string]row) ([]byte, error) {
	if err := registryfile.CheckHead([]byte(c.head)); err != nil {
		return nil, inconsistent("correct the column head of the table tenant_registry: %w", err)
	}
	var faults RowFaults
	texts := make([][]byte, len(c.order))
	size := len(c.head)
	column := -1
	for n, id := range c.order {
		r := c.rows[id]
		at := len(r.text) - len(bytes.TrimLeft(r.text, " "))
		var err error
		if old, ok := known[id]; !ok || old.sum != r.sum {
			at, err = registryfile.CheckRow(tenant.ID(id), r.text)
		}
		if column < 0 && err == nil {
			column = at
		}
		if err == nil && at != column {
			err = fmt.Errorf("begins at column %d, and rows before it at %d", at, column)
		}
		if err != nil {
			faults = append(faults, RowFault{n + 1, id, err.Error()})
		}
		texts[n] = r.text
		size += len(r.text)
	}
	switch {
	case len(faults) > 0:
		return nil, faults
	case size > maxSize:
		return nil, inconsistent("the registry has %d bytes, at most %d are read", size, maxSize)
	}
	return registryfile.Join([]byte(c.head), texts), nil
}
