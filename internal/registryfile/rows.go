// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Row is the part of a registry file that is about one tenant: whole lines,
// including its comments. A store that keeps tenants apart keeps rows.
type Row struct {
	ID   tenant.ID
	Text []byte
}

// Rows cuts a registry file into the text before the first tenant and one row per
// tenant, so that [Join] returns the same file again. It reports false if the file
// cannot be cut so that each row can be parsed alone.
func (p *Parser) Rows(data []byte) (head []byte, rows []Row, ok bool) {
	l, ok := Split(data)
	if !ok {
		return nil, nil, false
	}
	items, _, ok := p.decodeEntries(l)
	if !ok {
		return nil, nil, false
	}
	for n, e := range l.Entries {
		rows = append(rows, Row{items[n].tenant.ID, e.Text})
	}
	return l.Head, rows, true
}

var openList = regexp.MustCompile(`(?m)^tenants:[ \t]*((?:#.*)?)$`)

var emptyList = regexp.MustCompile(`(?m)^(tenants:)[ \t]*\[[ \t]*\]([ \t]*(?:#.*)?)$`)

// OpenList removes the brackets of an empty list, "tenants: []", so that rows can
// follow.
func OpenList(data []byte) []byte {
	return emptyList.ReplaceAll(data, []byte("$1$2"))
}

// Join returns the registry file with head before its rows. It does not check
// whether that is a valid file: see [Parse].
func Join(head []byte, rows [][]byte) []byte {
	if len(rows) == 0 {
		return openList.ReplaceAll(head, []byte("tenants: [] $1"))
	}
	head = OpenList(head)
	size := len(head)
	for _, text := range rows {
		size += len(text)
	}
	out := make([]byte, 0, size)
	out = append(out, head...)
	for _, text := range rows {
		out = append(out, text...)
	}
	return out
}

// CheckHead returns an error unless head can be the text before the first row of a
// file. It must have no entry.
func CheckHead(head []byte) error {
	items, faults := decodeWhole(Join(head, nil))
	switch {
	case len(faults) > 0:
		return fmt.Errorf("the text before the first tenant cannot be read: %w", faults)
	case len(items) > 0:
		return fmt.Errorf("the text before the first tenant has an entry, of the tenant %q, that is not a row", items[0].tenant.ID)
	}
	return nil
}

var (
	errRowCut   = errors.New("is not made of whole lines that begin with the dash of an entry")
	errRowCount = errors.New("is not the entry of exactly one tenant")
)

// CheckRow returns an error unless text can be a row of the tenant id. It returns
// the column of the dash, which must be the same in all rows of a file. [Parse]
// finds other faults of the row.
func CheckRow(id tenant.ID, text []byte) (column int, err error) {
	trimmed := bytes.TrimLeft(text, " ")
	column = len(text) - len(trimmed)
	if len(trimmed) == 0 || !isItem(trimmed) || text[len(text)-1] != '\n' {
		return 0, errRowCut
	}
	l, ok := Split(append([]byte("tenants:\n"), text...))
	if !ok || len(l.Entries) != 1 {
		return 0, errRowCount
	}
	var plain plainParser
	root, ok := plain.parse(string(text))
	if !ok {
		if root, err = parseDocument(text); err != nil {
			return 0, errors.New(syntaxFault(err).Reason)
		}
	}
	if root == nil || root.kind != kindSequence || len(root.content) != 1 {
		return 0, errRowCount
	}
	if got := idOf(root.content[0]); got != string(id) {
		return 0, fmt.Errorf("is about the tenant %q", got)
	}
	return column, nil
}
