// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Parse returns the tenants of a registry file, or [Faults]. The hash of the
// snapshot is the SHA-256 of data in hexadecimal.
func Parse(data []byte) (*tenant.Snapshot, error) {
	return NewParser().Parse(data)
}

// Parser parses successive versions of a registry file. It keeps the entries of
// the last valid version, so that a change of one tenant among thousands costs
// little. A parser is not safe for concurrent use.
type Parser struct {
	known map[entryHash]decoded // the entries of the last valid version only
}

type entryHash = [sha256.Size]byte

// NewParser returns a parser without entries.
func NewParser() *Parser { return &Parser{} }

// Parse returns the tenants of a registry file, or [Faults]. A panic becomes an
// error, so that the registry in force stays in force.
func (p *Parser) Parse(data []byte) (_ *tenant.Snapshot, err error) {
	defer recovery.Catch(&err)
	items, known, faults := p.decode(data)
	faults = append(faults, findDuplicates(items)...)
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	tenants := make([]*tenant.Tenant, len(items))
	for n, item := range items {
		tenants[n] = clone(item.tenant)
	}
	sum := sha256.Sum256(data)
	snapshot, err := tenant.NewSnapshot(tenants, hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, err
	}
	p.known = known
	return snapshot, nil
}

// List is [Parser.Parse] that returns the tenants in the order of the file. They
// are not to be changed.
func (p *Parser) List(data []byte) ([]*tenant.Tenant, error) {
	if _, err := p.Parse(data); err != nil {
		return nil, err
	}
	items, _, _ := p.decode(data)
	tenants := make([]*tenant.Tenant, len(items))
	for i, item := range items {
		tenants[i] = item.tenant
	}
	return tenants, nil
}

// decode returns the items of data in the order of the file.
func (p *Parser) decode(data []byte) ([]decoded, map[entryHash]decoded, Faults) {
	l, ok := Split(data)
	if ok {
		if items, known, ok := p.decodeEntries(l); ok {
			return items, known, nil
		}
	}
	items, faults := decodeWhole(data)
	if items == nil && len(faults) == 1 && ok {
		faults[0] = l.locate(faults[0])
	}
	return items, nil, faults
}

// decodeEntries parses the entries in parallel. It reports false if an entry has a
// fault, which must then be found in the file as a whole.
func (p *Parser) decodeEntries(l Layout) ([]decoded, map[entryHash]decoded, bool) {
	var head map[string]any
	if err := yaml.Unmarshal(l.Head, &head); err != nil || len(head) != 1 {
		return nil, nil, false
	}
	items := make([]decoded, len(l.Entries))
	hashes := make([]entryHash, len(l.Entries))
	var (
		wg     sync.WaitGroup
		failed = make([]bool, min(runtime.GOMAXPROCS(0), len(l.Entries)))
	)
	for worker := range failed {
		wg.Go(func() {
			// A panic in this goroutine would end the process. decodeWhole finds the
			// cause.
			defer func() { failed[worker] = failed[worker] || recover() != nil }()
			var plain plainParser
			for n := worker; n < len(l.Entries); n += len(failed) {
				e := l.Entries[n]
				hashes[n] = sha256.Sum256(e.Text)
				item, ok := p.known[hashes[n]]
				if !ok {
					item, ok = decodeEntry(&plain, e.Text)
				}
				if !ok {
					failed[worker] = true
					return
				}
				item.line += e.Line - item.first
				item.first = e.Line
				items[n] = item
			}
		})
	}
	wg.Wait()
	known := make(map[entryHash]decoded, len(items))
	for worker := range failed {
		if failed[worker] {
			return nil, nil, false
		}
	}
	for n, item := range items {
		known[hashes[n]] = item
	}
	return items, known, true
}

// decodeEntry parses the text of one entry. It reports false on any fault.
func decodeEntry(plain *plainParser, text []byte) (decoded, bool) {
	root, ok := plain.parse(string(text))
	if !ok {
		var err error
		if root, err = parseDocument(text); err != nil || root == nil {
			return decoded{}, false
		}
	}
	if root.kind != kindSequence || len(root.content) != 1 {
		return decoded{}, false
	}
	var d decoder
	item := d.tenant(root.content[0], "")
	item.first = 1
	return item, len(d.faults) == 0
}

// locate returns the syntax fault f with the line of the entry that has it. The
// line of the YAML library is often wrong by a few lines.
func (l Layout) locate(f Fault) Fault {
	for _, e := range l.Entries {
		if _, err := parseDocument(e.Text); err != nil {
			return Fault{Line: e.Line, Reason: "the entry that begins here is " + syntaxFault(err).Reason}
		}
	}
	return f
}

// decodeWhole parses any registry file.
func decodeWhole(data []byte) ([]decoded, Faults) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, Faults{{Line: 1, Reason: `the file is empty; a registry without tenants reads "tenants: []"`}}
	}
	root, err := parseDocument(data)
	if err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	var d decoder
	items := d.document(root)
	return items, d.faults
}

var errSecondDocument = errors.New("there is a second YAML document, only one is allowed")

// parseDocument returns the root of the only document of data, or nil if data has
// only comments.
func parseDocument(data []byte) (*node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := dec.Decode(&second); err == nil {
		return nil, errSecondDocument
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(doc.Content) != 1 {
		return nil, nil
	}
	return fromYAML(doc.Content[0], make(map[*yaml.Node]*node)), nil
}

var yamlErrorLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxFault moves the line number from the text of a YAML error to a fault.
func syntaxFault(err error) Fault {
	f := Fault{Line: 1, Reason: "not valid YAML: " + err.Error()}
	if m := yamlErrorLine.FindStringSubmatch(err.Error()); m != nil {
		f.Reason = "not valid YAML: " + m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			f.Line = n
		}
	}
	return f
}

// clone copies what NewSnapshot writes to, so that a kept entry can be part of
// several snapshots.
func clone(t *tenant.Tenant) *tenant.Tenant {
	c := *t
	c.Keys = make([]*tenant.Key, len(t.Keys))
	keys := make([]tenant.Key, len(t.Keys))
	for n, k := range t.Keys {
		keys[n] = *k
		c.Keys[n] = &keys[n]
	}
	return &c
}
