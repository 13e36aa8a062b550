package registryfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var (
	// ErrUnknownTenant is returned for a tenant that is not in the registry.
	ErrUnknownTenant = errors.New("there is no such tenant")
	// ErrDuplicateTenant is returned for a tenant that is there already.
	ErrDuplicateTenant = errors.New("there is already a tenant with this ID")

	errLayout = errors.New(`the file is not written as a plain list below "tenants:", so it cannot be edited without losing its layout; edit it by hand, or lay it out anew with "tenantctl registry export --reformat"`)
)

// Empty is what a registry begins as.
const Empty = `# The tenants of the gateway. A change is in force within a second; one that is
# not valid changes nothing and is told in the gateway's log.
tenants: []
`

// Document is the text of a registry file under edit. After every change it is
// valid and says exactly what was asked for, or the change failed and it is as
// before.
type Document struct {
	data    []byte
	parser  *Parser
	tenants []*tenant.Tenant // in the order of the file
}

// NewDocument checks data and returns it as a document, or [Faults].
func NewDocument(data []byte) (*Document, error) {
	d := &Document{parser: NewParser()}
	return d, d.load(data)
}

// Bytes returns the text of the document.
func (d *Document) Bytes() []byte { return d.data }

// Tenants returns the tenants in the order of the file. They are not to be
// changed.
func (d *Document) Tenants() []*tenant.Tenant { return d.tenants }

// Tenant returns the tenant id or an error that is [ErrUnknownTenant].
func (d *Document) Tenant(id tenant.ID) (*tenant.Tenant, error) {
	if i := d.index(id); i >= 0 {
		return d.tenants[i], nil
	}
	return nil, fmt.Errorf("tenant %q: %w", id, ErrUnknownTenant)
}

// Add appends t to the file.
func (d *Document) Add(t *tenant.Tenant) error {
	if d.index(t.ID) >= 0 {
		return fmt.Errorf("tenant %q: %w", t.ID, ErrDuplicateTenant)
	}
	text, err := encode(sequenceNode(0, tenantNode(t)))
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.ID, err)
	}
	data, column := openEmptyList(d.data), 2
	if len(d.tenants) > 0 {
		l, ok := splitPlain(d.data)
		if !ok {
			return errLayout
		}
		column = l.indent
	}
	b := newBlock(data)
	b.insert(len(b.lines), column, text)
	return d.apply(b.bytes(), append(slices.Clone(d.tenants), t), t)
}

// Update lets change work on a copy of tenant id, none of whose maps is nil, and
// writes down what it changed. The ID must stay.
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
	l, ok := splitPlain(d.data)
	if !ok || len(l.entries) != len(all) {
		return errLayout
	}
	replaced := func(text []byte) []byte {
		var out bytes.Buffer
		out.Write(l.head)
		for n, e := range l.entries {
			if n == i {
				out.Write(text)
				continue
			}
			out.Write(e.text)
		}
		return out.Bytes()
	}
	b := newBlock(l.entries[i].text)
	if err := b.update(d.tenants[i], want); err == nil {
		if d.apply(replaced(b.bytes()), all, want) == nil {
			return nil
		}
	}
	text, err := rewrite(l.entries[i].text, l.indent, want)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", id, err)
	}
	return d.apply(replaced(text), all, want)
}

// UpdateAll is [Document.Update] of several tenants at once, which costs as much as
// that of one.
func (d *Document) UpdateAll(changes map[tenant.ID]func(t *tenant.Tenant) error) error {
	if len(changes) == 0 {
		return nil
	}
	l, ok := splitPlain(d.data)
	if !ok || len(l.entries) != len(d.tenants) {
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
	// As Update does: lines of what changes if that is possible, and else the
	// entries as a whole.
	for _, write := range []func(i int) ([]byte, error){
		func(i int) ([]byte, error) {
			b := newBlock(l.entries[i].text)
			err := b.update(d.tenants[i], all[i])
			return b.bytes(), err
		},
		func(i int) ([]byte, error) { return rewrite(l.entries[i].text, l.indent, all[i]) },
	} {
		var out bytes.Buffer
		out.Write(l.head)
		var err error
		for i, e := range l.entries {
			text := e.text
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

// Replace makes data the whole text of the document, or returns [Faults].
func (d *Document) Replace(data []byte) error {
	next := &Document{parser: d.parser}
	if err := next.load(data); err != nil {
		return err
	}
	*d = *next
	return nil
}

// editable copies everything of t that a change may write to.
func editable(t *tenant.Tenant) *tenant.Tenant {
	c := clone(t)
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
	return c
}

// update changes the lines of the fields in which was and want differ.
func (b *block) update(was, want *tenant.Tenant) error {
	before, after := tenantNode(was), tenantNode(want)
	for _, field := range tenantFields {
		old, now := child(before, field), child(after, field)
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

// rewrite returns the entry with want merged into it, laid out by the YAML
// library.
func rewrite(text []byte, column int, want *tenant.Tenant) ([]byte, error) {
	b := newBlock(text)
	s := b.trim(span{from: 0, to: len(b.lines), column: column})
	merged, err := mergeText(b.text(span{s.from, s.to, 0}), sequenceNode(0, tenantNode(want)))
	if err != nil {
		return nil, err
	}
	b.lines[0] = bytes.Repeat([]byte(" "), column)
	b.replace(s, merged)
	return b.bytes(), nil
}

// apply makes data the text of the document if it says exactly tenants.
// changed is the one of them that is not as before.
func (d *Document) apply(data []byte, tenants []*tenant.Tenant, changed *tenant.Tenant) error {
	next := &Document{parser: d.parser}
	if err := next.load(data); err != nil {
		return err
	}
	if len(next.tenants) != len(tenants) {
		return errLayout
	}
	for i, t := range next.tenants {
		if t != tenants[i] && !same(tenantNode(t), tenantNode(tenants[i])) {
			if tenants[i] == changed {
				return fmt.Errorf("tenant %q: the file would not say what was asked for; edit it by hand", changed.ID)
			}
			return errLayout
		}
	}
	*d = *next
	return nil
}

func (d *Document) load(data []byte) error {
	if _, err := d.parser.Parse(data); err != nil {
		return err
	}
	items, _, _ := d.parser.decode(data)
	d.data, d.tenants = data, make([]*tenant.Tenant, len(items))
	for i, item := range items {
		d.tenants[i] = item.tenant
	}
	return nil
}

func (d *Document) index(id tenant.ID) int {
	return slices.IndexFunc(d.tenants, func(t *tenant.Tenant) bool { return t.ID == id })
}

// same compares what two nodes say, not how they are written.
func same(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Value == b.Value && a.Kind == b.Kind && slices.EqualFunc(a.Content, b.Content, same)
}

var emptyList = regexp.MustCompile(`(?m)^(tenants:)[ \t]*\[[ \t]*\]([ \t]*(?:#.*)?)$`)

// openEmptyList turns the list "[]" into one that items can be put below.
func openEmptyList(data []byte) []byte {
	return emptyList.ReplaceAll(data, []byte("$1$2"))
}
