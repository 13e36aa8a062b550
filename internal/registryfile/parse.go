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

// Parse returns the tenants that data tells, or [Faults]. The hash of the
// snapshot is the SHA-256 of data in hexadecimal.
func Parse(data []byte) (*tenant.Snapshot, error) {
	return NewParser().Parse(data)
}

// Parser is a [Parse] that remembers the entries of the last good file, so that
// a change of one tenant among thousands costs little. It is not safe for
// concurrent use.
type Parser struct {
	known map[entryHash]decoded // the entries of the last good file, no others
}

type entryHash = [sha256.Size]byte

// NewParser returns a parser that knows no entry yet.
func NewParser() *Parser { return &Parser{} }

// Parse returns the tenants that data tells, or [Faults]. If it panics, that is an
// error too: the registry that is in force stays.
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

// decode returns the items of data in the order of the file.
func (p *Parser) decode(data []byte) ([]decoded, map[entryHash]decoded, Faults) {
	l, ok := splitPlain(data)
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

// decodeEntries parses the entries in parallel. It reports false if the faults,
// if any, have to be found in the file as a whole.
func (p *Parser) decodeEntries(l layout) ([]decoded, map[entryHash]decoded, bool) {
	var head map[string]any
	if err := yaml.Unmarshal(l.head, &head); err != nil || len(head) != 1 {
		return nil, nil, false
	}
	items := make([]decoded, len(l.entries))
	hashes := make([]entryHash, len(l.entries))
	var (
		wg     sync.WaitGroup
		failed = make([]bool, min(runtime.GOMAXPROCS(0), len(l.entries)))
	)
	for worker := range failed {
		wg.Go(func() {
			// What panics here would end the process. decodeWhole finds out more.
			defer func() { failed[worker] = failed[worker] || recover() != nil }()
			var plain plainParser
			for n := worker; n < len(l.entries); n += len(failed) {
				e := l.entries[n]
				hashes[n] = sha256.Sum256(e.text)
				item, ok := p.known[hashes[n]]
				if !ok {
					item, ok = decodeEntry(&plain, e.text)
				}
				if !ok {
					failed[worker] = true
					return
				}
				item.line += e.line - item.first
				item.first = e.line
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

// locate says in which entry the syntax fault f is, since the line that the YAML
// library tells is often off by a few.
func (l layout) locate(f Fault) Fault {
	for _, e := range l.entries {
		if _, err := parseDocument(e.text); err != nil {
			return Fault{Line: e.line, Reason: "the entry that begins here is " + syntaxFault(err).Reason}
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

// parseDocument returns the root of the only document of data, or nil if data
// holds nothing but comments.
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

// syntaxFault takes the line out of the text of a YAML error.
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

// clone copies what NewSnapshot writes to, so that the remembered entry can be
// part of several snapshots.
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
