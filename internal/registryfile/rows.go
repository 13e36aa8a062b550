package registryfile

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Row is the part of a registry file that tells one tenant: whole lines, its
// comments included. A store that keeps tenants apart keeps rows.
type Row struct {
	ID   tenant.ID
	Text []byte
}

// Rows cuts the document into the text before the first tenant and one row
// per tenant, so that [Join] gives the same text again. Only if the file is not
// written as a plain list is it laid out anew.
func (d *Document) Rows() (head []byte, rows []Row, err error) {
	data := d.data
	if len(d.tenants) == 0 {
		return data, nil, nil
	}
	if data[len(data)-1] != '\n' {
		data = append(bytes.Clone(data), '\n')
	}
	l, items, ok := d.separate(data)
	if !ok {
		if data, err = Format(d.tenants); err != nil {
			return nil, nil, err
		}
		if l, items, ok = d.separate(data); !ok {
			return nil, nil, errLayout
		}
	}
	for n, e := range l.entries {
		rows = append(rows, Row{items[n].tenant.ID, e.text})
	}
	return l.head, rows, nil
}

// separate cuts data into entries that can each be read alone.
func (d *Document) separate(data []byte) (layout, []decoded, bool) {
	l, ok := splitPlain(data)
	if !ok {
		return layout{}, nil, false
	}
	items, _, ok := d.parser.decodeEntries(l)
	return l, items, ok && len(items) == len(d.tenants)
}

var openList = regexp.MustCompile(`(?m)^tenants:[ \t]*((?:#.*)?)$`)

// Join returns the registry file that has head before its rows. It is for [Parse]
// to say whether that is a valid one.
func Join(head []byte, rows [][]byte) []byte {
	if len(rows) == 0 {
		return openList.ReplaceAll(head, []byte("tenants: [] $1"))
	}
	head = openEmptyList(head)
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

// CheckHead returns an error unless head can be before the first row of a file and
// has no entry itself.
func CheckHead(head []byte) error {
	items, faults := decodeWhole(Join(head, nil))
	switch {
	case len(faults) > 0:
		return fmt.Errorf("the text before the first tenant cannot be read: %w", faults)
	case len(items) > 0:
		return fmt.Errorf("the text before the first tenant has an entry itself, of the tenant %q, that is no row", items[0].tenant.ID)
	}
	return nil
}

var (
	errRowCut   = errors.New("is not made of whole lines that begin with the dash of an entry")
	errRowCount = errors.New("is not the entry of exactly one tenant")
)

// CheckRow returns an error unless text can stand among the rows of a file, with
// its dash in the same column as others, and is about the tenant id. What else
// may be wrong with it, [Parse] tells.
func CheckRow(id tenant.ID, text []byte) (column int, err error) {
	trimmed := bytes.TrimLeft(text, " ")
	column = len(text) - len(trimmed)
	if len(trimmed) == 0 || !isItem(trimmed) || text[len(text)-1] != '\n' {
		return 0, errRowCut
	}
	l, ok := splitPlain(append([]byte("tenants:\n"), text...))
	if !ok || len(l.entries) != 1 {
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
