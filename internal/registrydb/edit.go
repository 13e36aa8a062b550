// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Read returns the registry of the database as a registry file.
func Read(ctx context.Context, cfg *Config) ([]byte, error) {
	r := NewReader(cfg, time.Minute)
	defer r.Close()
	loaded, err := r.Load(ctx, history.Version{})
	return loaded.Text, err
}

// Migrate creates the tables of the registry, or brings them up to the layout of
// this program. It returns the numbers of the layouts before, which is 0 if there
// were no tables, and after.
func Migrate(ctx context.Context, cfg *Config) (was, is int, err error) {
	err = withConn(ctx, cfg, func(conn *pgx.Conn) (err error) {
		was, err = migrate(ctx, conn, 0)
		return err
	})
	return was, newest(), err
}

// Options say how [Edit] edits.
type Options struct {
	// Create starts with an empty registry if there is none.
	Create bool

	// Recorder, unless it is nil, adds an entry to the audit log in the
	// transaction of the change.
	Recorder *audit.Recorder

	// Epoch, unless it is nil, returns the new epoch of the registry's history,
	// given the current one. The edit is then made even if it changes nothing, and
	// repairs the tables if the row of the registry or its history is missing.
	Epoch func(was int64) int64

	// NewLog moves the audit log aside and starts another one.
	NewLog bool
}

// Edit calls change to edit the registry of the database. If the result differs,
// Edit writes it in one transaction. If another program changes the registry in the
// meantime, Edit starts again with the new content, so change may be called more
// than once and no change is lost. If that does not succeed before ctx is done, the
// error is [registryedit.ErrLocked]. If there is no registry, it is
// [ErrNoRegistry].
func Edit(ctx context.Context, cfg *Config, o Options, change func(*registryedit.Document) error) error {
	return withConn(ctx, cfg, func(conn *pgx.Conn) error {
		if o.Epoch != nil {
			if err := repair(ctx, conn); err != nil {
				return err
			}
		}
		if err := ready(ctx, conn, o.Create); err != nil {
			return err
		}
		for {
			err := editOnce(ctx, cfg, o, conn, change)
			if !errors.Is(err, errConflict) {
				return err
			}
			// Random, so that programs that conflicted do not conflict again.
			select {
			case <-ctx.Done():
				return registryedit.ErrLocked
			case <-time.After(rand.N(20 * time.Millisecond)):
			}
		}
	})
}

// ready checks that the tables have the layout of this program. If create is set it
// creates missing ones.
func ready(ctx context.Context, conn *pgx.Conn, create bool) error {
	schema, err := schemaOf(ctx, conn)
	switch {
	case err != nil:
		return err
	case schema == 0 && !create:
		return ErrNoRegistry
	case schema == 0:
		_, err := migrate(ctx, conn, 0)
		return err
	case schema > newest():
		return newerSchema(schema)
	case schema < newest():
		return fmt.Errorf("%w: it has layout %d, and this program writes layout %d; upgrade the gateways, then run \"tenantctl registry migrate\"", ErrSchema, schema, newest())
	}
	return nil
}

// errConflict means that another program changed the registry in the meantime.
var errConflict = errors.New("another program changed the registry in the meantime")

func editOnce(ctx context.Context, cfg *Config, o Options, conn *pgx.Conn, change func(*registryedit.Document) error) error {
	c, err := readContent(ctx, conn, nil, history.Version{}, func() {})
	if err != nil {
		return err
	}
	before, err := c.text(nil)
	if err != nil {
		return fmt.Errorf("the %v does not hold a valid registry, nothing was changed:\n%w", cfg, err)
	}
	doc, err := registryedit.NewDocument(before)
	if err != nil {
		return fmt.Errorf("the %v does not hold a valid registry, nothing was changed:\n%w", cfg, err)
	}
	was := doc.Tenants()
	if err := change(doc); err != nil {
		return err
	}
	if o.Epoch == nil && bytes.Equal(doc.Bytes(), before) {
		return nil
	}
	p, err := newPlan(c, doc)
	if err != nil {
		return err
	}
	p.epoch = c.epoch
	if o.Epoch != nil {
		p.epoch = o.Epoch(c.epoch)
	}
	p.revision = audit.Revision{BeforeText: before, AfterText: p.text, Before: was, After: doc.Tenants()}
	return p.write(ctx, cfg, o, conn)
}

// plan is a change of the tables.
type plan struct {
	from      state
	epoch     int64
	head      string
	removed   []string
	ids       []string
	positions []int64
	documents []string
	text      []byte // of the registry afterwards
	revision  audit.Revision
}

func newPlan(c content, doc *registryedit.Document) (*plan, error) {
	head, rows, err := doc.Rows()
	if err != nil {
		return nil, err
	}
	head = registryfile.WithoutHistory(head) // tables have a history of their own
	p := &plan{from: c.state, head: string(head), removed: []string{}}
	texts := make([][]byte, 0, len(rows))
	kept := make(map[tenant.ID]bool, len(rows))
	last := int64(0)
	for _, r := range rows {
		kept[r.ID] = true
		texts = append(texts, r.Text)
		old, there := c.rows[string(r.ID)]
		position := last + 1
		if there && old.position > last {
			position = old.position
		}
		last = position
		if there && old.position == position && bytes.Equal(old.text, r.Text) {
			continue
		}
		p.ids = append(p.ids, string(r.ID))
		p.positions = append(p.positions, position)
		p.documents = append(p.documents, string(r.Text))
	}
	p.text = registryfile.Join(head, texts)
	for _, id := range c.order {
		if !kept[tenant.ID(id)] {
			p.removed = append(p.removed, id)
		}
	}
	return p, nil
}

// write executes the plan, or returns errConflict.
func (p *plan) write(ctx context.Context, cfg *Config, o Options, conn *pgx.Conn) error {
	var token string
	committed := func() error { return nil }
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	if err := p.apply(ctx, tx); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, "update tenant_registry set head = $1, epoch = $2, revision = revision + 1, token = gen_random_uuid(), changed_at = now() returning token::text",
		p.head, p.epoch).Scan(&token); err != nil {
		return err
	}
	if o.Recorder != nil {
		if o.NewLog {
			if err := moveLogAside(ctx, tx); err != nil {
				return err
			}
		}
		if committed, err = o.Recorder.Record(ctx, auditLog{tx}, p.from.id, p.revision); err != nil {
			return err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		if err := resolveCommit(ctx, cfg, token, p.from.token, err); err != nil {
			return err
		}
	}
	if err := committed(); err != nil {
		return fmt.Errorf("the change is in force; the newest checkpoint of the audit log could not be kept: %w", err)
	}
	return nil
}

func (p *plan) apply(ctx context.Context, tx pgx.Tx) error {
	// A program that hangs must not block others.
	if _, err := tx.Exec(ctx, "set local idle_in_transaction_session_timeout = '15s'"); err != nil {
		return err
	}
	var token string
	if err := tx.QueryRow(ctx, "select token::text from tenant_registry for update").Scan(&token); err != nil {
		return err
	}
	if token != p.from.token {
		return errConflict
	}
	if len(p.removed) > 0 {
		if _, err := tx.Exec(ctx, "delete from tenant_registry_tenants where id = any($1)", p.removed); err != nil {
			return err
		}
	}
	if len(p.ids) > 0 {
		_, err := tx.Exec(ctx, `insert into tenant_registry_tenants (id, position, document)
			select * from unnest($1::text[], $2::bigint[], $3::text[])
			on conflict (id) do update set position = excluded.position, document = excluded.document`,
			p.ids, p.positions, p.documents)
		if err != nil {
			return err
		}
	}
	return nil
}

// resolveCommit finds out whether a commit whose answer did not arrive is in force.
func resolveCommit(ctx context.Context, cfg *Config, written, before string, cause error) error {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	unknown := commitError{fmt.Errorf("the connection broke during the commit; the change may or may not be in force: %w", cause)}
	var now state
	err := withConn(short, cfg, func(conn *pgx.Conn) (err error) {
		now, err = readState(short, conn)
		return err
	})
	switch {
	case err == nil && now.token == written:
		return nil
	case err == nil && now.token == before:
		return commitError{fmt.Errorf("nothing was changed: %w", cause)}
	}
	return unknown
}

// commitError is an error of a commit that says whether the change is in force.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// withConn calls f with a connection and removes secrets from its error.
func withConn(ctx context.Context, cfg *Config, f func(*pgx.Conn) error) error {
	conn, err := cfg.connect(ctx)
	if err != nil {
		return err
	}
	err = f(conn)
	if err != nil && conn.IsClosed() && ctx.Err() == nil && !errors.As(err, new(commitError)) {
		err = fmt.Errorf("the connection to the %v broke: %w", cfg, err) // no transaction was committed
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(end) // the result is known already
	return cfg.clean(err)
}
