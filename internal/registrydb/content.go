package registrydb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxSize bounds the registry as a whole.
const maxSize = 256 << 20

// maxShownFaults bounds the text of an error; how many were left out is told.
const maxShownFaults = 50

// state is the row of the registry as a whole.
type state struct {
	id, token string
	schema    int32
	revision  int64
	tenants   int64
	head      string
}

// row is one tenant as it is stored.
type row struct {
	position int64
	sum      [sha256.Size]byte
	text     []byte
}

// content is a registry as it was at one moment.
type content struct {
	state
	order []string // the IDs, in the order of the file
	rows  map[string]row
}

func readState(ctx context.Context, q querier) (state, error) {
	var s state
	err := q.QueryRow(ctx, "select id::text, token::text, schema, revision, tenants, head from tenant_registry").
		Scan(&s.id, &s.token, &s.schema, &s.revision, &s.tenants, &s.head)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || hasCode(err, "42P01"):
		return s, ErrNoRegistry
	case err != nil:
		return s, err
	case s.schema < minReadable || int(s.schema) > newest():
		return s, newerSchema(int(s.schema))
	}
	return s, nil
}

// readContent reads the registry as it is at one moment. Rows that known holds
// with the same digest are not fetched again.
func readContent(ctx context.Context, conn *pgx.Conn, known map[string]row) (content, error) {
	var c content
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) (err error) {
		if c.state, err = readState(ctx, tx); err != nil {
			return err
		}
		if err := c.readIndex(ctx, tx); err != nil {
			return err
		}
		return c.fetch(ctx, tx, known)
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
			return fmt.Errorf("tenant %q: its row has no SHA-256", id)
		}
		copy(r.sum[:], sum)
		c.rows[id] = r
		c.order = append(c.order, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if int64(len(c.order)) != c.tenants || len(c.rows) != len(c.order) {
		return fmt.Errorf("the database gave %d tenants, and says that it has %d", len(c.order), c.tenants)
	}
	return nil
}

// fetch reads the documents that known does not hold.
func (c *content) fetch(ctx context.Context, tx pgx.Tx, known map[string]row) error {
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
			return fmt.Errorf("tenant %q: its document is not what its SHA-256 says", id)
		}
		if size += len(text); size > maxSize {
			rows.Close()
			return fmt.Errorf("the registry has more than %d bytes", maxSize)
		}
		r.text = text
		c.rows[id] = r
		got++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if got != len(want) {
		return fmt.Errorf("the database gave %d documents of %d", got, len(want))
	}
	return nil
}

// text returns the registry file that the rows make, or an error that names every
// row that cannot be part of one. Rows that known holds were checked before.
func (c *content) text(known map[string]row) ([]byte, error) {
	var faults []string
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
			faults = append(faults, fmt.Sprintf("tenant %q: its row %v", id, err))
		}
		texts[n] = r.text
		size += len(r.text)
	}
	if more := len(faults) - maxShownFaults; more > 0 {
		faults = append(faults[:maxShownFaults], fmt.Sprintf("and %d more", more))
	}
	switch {
	case len(faults) > 0:
		return nil, errors.New(strings.Join(faults, "\n"))
	case size > maxSize:
		return nil, fmt.Errorf("the registry has %d bytes, at most %d are read", size, maxSize)
	}
	return registryfile.Join([]byte(c.head), texts), nil
}
