// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/yamlnode"
)

var (
	// ErrUnknownTenant is returned for a tenant that is not in the registry.
	ErrUnknownTenant = errors.New("there is no such tenant")
	// ErrDuplicateTenant is returned for a tenant that is there already.
	ErrDuplicateTenant = errors.New("there is already a tenant with this ID")

	errLayout = errors.New(`the file is not written as a plain list below "tenants:", so it cannot be edited without losing its layout; edit it by hand, or rewrite it with "tenantctl registry export --reformat"`)
)

// Document is the text of a registry file that is being edited. Every change either
// results in a valid file with exactly the requested content, or fails and leaves
// the document unchanged.
type Document struct {
	data    []byte
	parser  *registryfile.Parser
	tenants []*tenant.Tenant // in the order of the file
}

// NewDocument checks data and returns it as a document, or
// [registryfile.Faults].
func NewDocument(data []byte) (*Document, error) {
	d := &Document{parser: registryfile.NewParser()}
	return d, d.load(data)
}

// Bytes returns the text of the document.
func (d *Document) Bytes() []byte { return d.data }

// Tenants returns the tenants in the order of the file. They are not to be
// changed.
func (d *Document) Tenants() []*tenant.Tenant { return d.tenants }

// Tenant returns the tenant with the ID id, or an error that wraps
// [ErrUnknownTenant].
func (d *Document) Tenant(id tenant.ID) (*tenant.Tenant, error) {
	if i := d.index(id); i >= 0 {
		return d.tenants[i], nil
	}
	return nil, fmt.Errorf("tenant %q: %w", id, ErrUnknownTenant)
}

// Add appends t to the file. The error wraps [ErrDuplicateTenant] if the file has a
// tenant with its ID.
func (d *Document) Add(t *tenant.Tenant) error {
	if d.index(t.ID) >= 0 {
		return fmt.Errorf("tenant %q: %w", t.ID, ErrDuplicateTenant)
	}
	text, err := yamlnode.Encode(yamlnode.Sequence(0, registryfile.TenantNode(t)))
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.ID, err)
	}
	data, column := registryfile.OpenList(d.data), 2
	if len(d.tenants) > 0 {
		l, ok := registryfile.Split(d.data)
		if !ok {
			return errLayout
		}
		column = l.Indent
	}
	b := newBlock(data)
	b.insert(len(b.lines), column, text)
	return d.apply(b.bytes(), append(slices.Clone(d.tenants), t), t)
}

// Update calls change with a copy of the tenant with the ID id, none of whose maps
// is nil, and writes what change changes. change must not change the ID.
func (d *Document) Update(id tenant.ID, change func(t *tenant.Tenant) error) error {
	i := d.index(id)
	if i < 0 {
		return fmt.Errorf("tenant %q: %w", id, ErrUnknownTenant)
	}
	want := editable(d.tenants[i])
	if err := change(want); err != nil {
		return err
	}
	all := slices.Clone(d.tenants)
	all[i] = want
	l, ok := registryfile.Split(d.data)
	if !ok || len(l.Entries) != len(all) {
		return errLayout
	}
	replaced := func(text []byte) []byte {
		var out bytes.Buffer
		out.Write(l.Head)
		for n, e := range l.Entries {
			if n == i {
				out.Write(text)
				continue
			}
			out.Write(e.Text)
		}
		return out.Bytes()
	}
	b := newBlock(l.Entries[i].Text)
	if err := b.update(d.tenants[i], want); err == nil {
		if d.apply(replaced(b.bytes()), all, want) == nil {
			return nil
		}
	}
	text, err := rewrite(l.Entries[i].Text, l.Indent, want)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", id, err)
	}
	return d.apply(replaced(text), all, want)
}

// UpdateAll is [Document.Update] for several tenants. It costs as much as an update
// of one.
func (d *Document) UpdateAll(changes map[tenant.ID]func(t *tenant.Tenant) error) error {
	if len(changes) == 0 {
		return nil
	}
	l, ok := registryfile.Split(d.data)
	if !ok || len(l.Entries) != len(d.tenants) {
		return errLayout
	}
	all := slices.Clone(d.tenants)
	for i, t := range d.tenants {
		change := changes[t.ID]
		if change == nil {
			continue
		}
		want := editable(t)
		if err := change(want); err != nil {
			return err
		}
		all[i] = want
	}
	// As in Update: replace only the lines of changed fields if possible, otherwise
	// whole entries.
	for _, write := range []func(i int) ([]byte, error){
		func(i int) ([]byte, error) {
			b := newBlock(l.Entries[i].Text)
			err := b.update(d.tenants[i], all[i])
			return b.bytes(), err
		},
		func(i int) ([]byte, error) { return rewrite(l.Entries[i].Text, l.Indent, all[i]) },
	} {
		var out bytes.Buffer
		out.Write(l.Head)
		var err error
		for i, e := range l.Entries {
			text := e.Text
			if all[i] != d.tenants[i] && err == nil {
				text, err = write(i)
			}
			out.Write(text)
		}
		if err == nil && d.apply(out.Bytes(), all, nil) == nil {
			return nil
		}
	}
	return errLayout
}

// Replace makes data the whole text of the document, or returns
// [registryfile.Faults].
func (d *Document) Replace(data []byte) error {
	next := &Document{parser: d.parser}
	if err := next.load(data); err != nil {
		return err
	}
	*d = *next
	return nil
}

// editable copies everything of t that a change may modify.
func editable(t *tenant.Tenant) *tenant.Tenant {
	c := *t
	c.Keys = make([]*tenant.Key, len(t.Keys))
	for i, k := range t.Keys {
		key := *k
		c.Keys[i] = &key
	}
	c.Attributes, c.Vars, c.Routes = make(map[string]string), make(map[string]string), make(map[tenant.Signal][]string)
	maps.Copy(c.Attributes, t.Attributes)
	maps.Copy(c.Vars, t.Vars)
	for s, destinations := range t.Routes {
		c.Routes[s] = slices.Clone(destinations)
	}
	for _, k := range c.Keys {
		k.SourceCIDRs = slices.Clone(k.SourceCIDRs)
		k.Origins = slices.Clone(k.Origins)
	}
	return &c
}

// update replaces the lines of the fields in which was and want differ.
func (b *block) update(was, want *tenant.Tenant) error {
	before, after := registryfile.TenantNode(was), registryfile.TenantNode(want)
	for _, field := range registryfile.TenantFields() {
		old, now := yamlnode.Get(before, field), yamlnode.Get(after, field)
		if same(old, now) {
			continue
		}
		if field == "keys" && old != nil && now != nil && len(now.Content) >= len(old.Content) {
			if err := b.updateKeys(old, now); err != nil {
				return err
			}
			continue
		}
		if err := b.setField(field, now); err != nil {
			return err
		}
	}
	return nil
}

func (b *block) updateKeys(old, now *yaml.Node) error {
	for _, k := range now.Content {
		i := slices.IndexFunc(old.Content, func(o *yaml.Node) bool { return name(o) == name(k) })
		if i >= 0 && same(old.Content[i], k) {
			continue
		}
		if err := b.setKey(k); err != nil {
			return err
		}
	}
	return nil
}

// rewrite returns the entry with want merged into it, formatted by the YAML
// library.
func rewrite(text []byte, column int, want *tenant.Tenant) ([]byte, error) {
	b := newBlock(text)
	s := b.trim(span{from: 0, to: len(b.lines), column: column})
	merged, err := mergeText(b.text(span{s.from, s.to, 0}), yamlnode.Sequence(0, registryfile.TenantNode(want)))
	if err != nil {
		return nil, err
	}
	b.lines[0] = bytes.Repeat([]byte(" "), column)
	b.replace(s, merged)
	return b.bytes(), nil
}

// apply makes data the text of the document if its content is exactly tenants.
// changed is the tenant that was changed.
func (d *Document) apply(data []byte, tenants []*tenant.Tenant, changed *tenant.Tenant) error {
	next := &Document{parser: d.parser}
	if err := next.load(data); err != nil {
		return err
	}
	if len(next.tenants) != len(tenants) {
		return errLayout
	}
	for i, t := range next.tenants {
		if t != tenants[i] && !same(registryfile.TenantNode(t), registryfile.TenantNode(tenants[i])) {
			if tenants[i] == changed {
				return fmt.Errorf("tenant %q: the file would not have the requested content; edit it by hand", changed.ID)
			}
			return errLayout
		}
	}
	*d = *next
	return nil
}

func (d *Document) load(data []byte) (err error) {
	d.tenants, err = d.parser.List(data)
	d.data = data
	return err
}

func (d *Document) index(id tenant.ID) int {
	return slices.IndexFunc(d.tenants, func(t *tenant.Tenant) bool { return t.ID == id })
}

// same compares the content of two nodes, not their style.
func same(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Value == b.Value && a.Kind == b.Kind && slices.EqualFunc(a.Content, b.Content, same)
}

// Rows cuts the document into the text before the first tenant and one row per
// tenant, so that [registryfile.Join] returns the same text. A file that is not
// written as a plain list is formatted first.
func (d *Document) Rows() (head []byte, rows []registryfile.Row, err error) {
	data := d.data
	if len(d.tenants) == 0 {
		return data, nil, nil
	}
	if data[len(data)-1] != '\n' {
		data = append(bytes.Clone(data), '\n')
	}
	if head, rows, ok := d.parser.Rows(data); ok && len(rows) == len(d.tenants) {
		return head, rows, nil
	}
	if data, err = registryfile.Format(d.tenants); err != nil {
		return nil, nil, err
	}
	head, rows, ok := d.parser.Rows(data)
	if !ok || len(rows) != len(d.tenants) {
		return nil, nil, errLayout
	}
	return head, rows, nil
}

// stamp adds to d the history line of the revision after before.
func (d *Document) stamp(before []byte, epoch int64) error {
	h, _ := registryfile.HistoryOf(before)
	return d.Replace(registryfile.WithHistory(d.data, h.Next(epoch)))
}
