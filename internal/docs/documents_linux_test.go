// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the root of the source tree, relative to this package.
const root = "../.."

// blockTimeout is the time for one block, which may build a program on a busy machine.
const blockTimeout = 3 * time.Minute

// needs are the reasons for which a block is not executed, with their explanations.
var needs = map[string]string{
	"docker":              "a Docker daemon",
	"kubernetes":          "a Kubernetes cluster",
	"the internet":        "downloads from the internet",
	"the npm registry":    "downloads from the npm registry",
	"PyPI":                "downloads from PyPI",
	"systemd":             "a machine that systemd started",
	"another machine":     "a second machine, or a proxy with a certificate for its name",
	"a public name":       "a DNS name and a certificate for it",
	"a cloud account":     "an account at a cloud provider",
	"a backend":           "a store that the tests do not have",
	"a browser":           "a web page in a browser",
	"minutes":             "more time than a test of documents has; CI or a target of make runs it",
	"a person's decision": "a value that only the reader knows",
}

// documents returns the Markdown files that have code blocks for readers, relative to the
// root of the source tree.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && slices.Contains([]string{"_build", ".git", "node_modules", "testdata", "adr"}, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(name) == ".md" && d.Name() != "documentation.md": // is generated from metadata.yaml
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	}))
	require.Greater(t, len(found), 20)
	return found
}

// TestDocuments runs each document.
func TestDocuments(t *testing.T) {
	for _, name := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(root, name))
			require.NoError(t, err)
			doc := parse(raw)
			for _, fault := range doc.faults {
				t.Errorf("%s:%s", name, fault)
			}
			p := player{t: t, name: name, doc: doc}
			for i := range doc.blocks {
				err := p.play(i)
				if err == nil {
					continue
				}
				t.Errorf("%s:%d: %v\n%s", name, doc.blocks[i].line, err, indent(doc.blocks[i].code))
				if how, _ := treatmentOf(doc.blocks[i]); how != "compare" && how != "validate" {
					return // what follows needs this step
				}
			}
		})
	}
}

// TestDocuments_CountOfBlocks logs how many blocks of each document have which treatment.
func TestDocuments_CountOfBlocks(t *testing.T) {
	total := map[string]int{}
	for _, name := range documents(t) {
		raw, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		counts := map[string]int{}
		for _, b := range parse(raw).blocks {
			how, err := treatmentOf(b)
			if err != nil {
				continue // TestDocuments reports it
			}
			counts[how]++
			total[how]++
		}
		if len(counts) > 0 {
			t.Logf("%s: %v", name, counts)
		}
	}
	t.Logf("all: %v", total)
	assert.Positive(t, total["execute"])
}

// treatmentOf returns what happens to a block: "execute", "write", "merge", "compare",
// "validate", or why nothing does: "tested", "needs", "diagram", "form". A block without a
// treatment is an error.
func treatmentOf(b block) (string, error) {
	switch {
	case b.marked("needs"):
		if needs[b.marks["needs"]] == "" {
			return "", fmt.Errorf("%q is no reason in the list of %s", b.marks["needs"], "internal/docs/documents_linux_test.go")
		}
		return "needs", nil
	case b.marked("tested by"):
		return "tested", nil
	case b.marked("diagram"), b.marked("form"):
		return "diagram", nil
	case b.marked("file"):
		return "write", nil
	case b.marked("merge"):
		return "merge", nil
	case b.marked("output"), b.language == "text":
		return "compare", nil
	case slices.Contains([]string{"sh", "sql"}, b.language):
		return "execute", nil
	case b.marked("validate"), validators[b.language] != nil:
		return "validate", nil
	}
	return "", fmt.Errorf("a code block of the language %q is neither executed nor validated. Give the fence a language, or put a mark before it: internal/docs/testdata/README.md", b.language)
}

// player runs the blocks of one document in order.
type player struct {
	t      *testing.T
	name   string
	doc    document
	box    *sandbox // nil until a block needs it
	output string   // of the latest executed block
	hasOut bool
}

// play runs the block with this index. An error says what is wrong with it.
func (p *player) play(i int) error {
	b := p.doc.blocks[i]
	how, err := treatmentOf(b)
	if err != nil {
		return err
	}
	if b.marked("machine") {
		p.another(strings.Split(b.marks["machine"], ","))
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), blockTimeout)
	defer cancel()
	switch how {
	case "tested":
		return testExists(b.marks["tested by"])
	case "write":
		return p.sandbox().write(ctx, b.marks["file"], b.code)
	case "merge":
		return p.merge(ctx, b)
	case "compare":
		return p.compare(b)
	case "validate":
		return p.validate(b)
	case "execute":
		var next *block
		if i+1 < len(p.doc.blocks) {
			next = &p.doc.blocks[i+1]
		}
		return p.execute(ctx, b, next)
	}
	return nil
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// sandbox returns the document's sandbox, prepared as its mark "sandbox" lists.
func (p *player) sandbox() *sandbox {
	if p.box == nil {
		p.box = newSandbox(p.t)
		for _, name := range p.doc.sandbox {
			if name == "go" {
				downloadModules(p.t)
			}
			script, err := os.ReadFile(filepath.Join("testdata", "sandbox", name+".sh"))
			require.NoError(p.t, err)
			ctx, cancel := context.WithTimeout(p.t.Context(), blockTimeout)
			out, err := p.box.run(ctx, "missing() { echo \"$1\"; echo 77 >&3; exit 77; }\n"+string(script))
			cancel()
			if strings.HasSuffix(fmt.Sprint(err), "exit status 77") {
				missing(p.t, strings.TrimSpace(out))
			}
			require.NoError(p.t, err, "sandbox %s: %s", name, out)
		}
	}
	return p.box
}

// downloadModules downloads what the programs of documents import. A sandbox has no network.
func downloadModules(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download")
	cmd.Dir = filepath.Join(root, "testbed", "customergo")
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("module that testbed/customergo requires: %v: %s", err, out))
	}
}

// another ends the sandbox. The next one is prepared by these scripts.
func (p *player) another(scripts []string) {
	if p.box != nil {
		p.box.end()
	}
	p.box, p.hasOut = nil, false
	p.doc.sandbox = nil
	for _, name := range scripts {
		p.doc.sandbox = append(p.doc.sandbox, strings.TrimSpace(name))
	}
}

// execute runs the commands of a block.
func (p *player) execute(ctx context.Context, b block, next *block) error {
	box := p.sandbox()
	var err error
	p.hasOut = true
	if b.language == "sql" {
		b.code = "psql -q -v ON_ERROR_STOP=1 \"$TENANTCTL_REGISTRY\" <<'END'\n" + b.code + "END\n"
	}
	switch {
	case b.marked("until"):
		p.output, err = box.start(ctx, b.code, b.marks["until"])
	case b.marked("repeat"):
		want := ""
		if next != nil {
			if how, _ := treatmentOf(*next); how == "compare" {
				want = next.code
			}
		}
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) { // between two attempts of a reader
			p.output, err = box.try(ctx, b.code)
			if err == nil && (want == "" || matches(want, p.output)) || time.Now().After(end) {
				break // compare reports another output
			}
		}
	case b.marked("exit"):
		p.output, err = box.try(ctx, b.code)
		if err == nil || err.Error() != "exit status "+b.marks["exit"] {
			return fmt.Errorf("exit status %s expected: %w\n%s", b.marks["exit"], cmp.Or(err, errors.New("exit status 0")), p.output)
		}
		return nil
	default:
		p.output, err = box.run(ctx, b.code)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.output)
	}
	if testing.Verbose() {
		p.t.Logf("%s:%d\n%s\n---\n%s", p.name, b.line, indent(b.code), p.output)
	}
	return nil
}

// compare compares the output of the block before with a block that shows it.
func (p *player) compare(b block) error {
	if !p.hasOut {
		return fmt.Errorf("no executed block precedes this output")
	}
	if !matches(b.code, p.output) {
		return fmt.Errorf("the output is different:\n%s\n  and not", indent(p.output))
	}
	return nil
}

var spaces = regexp.MustCompile(`[ \t]+`)

// matches reports whether an output is the expected one. "…" in an expected line matches any
// text, and alone on a line any number of lines. Amounts of white space do not matter.
func matches(want, got string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for line := range strings.Lines(strings.TrimSpace(want) + "\n") {
		line = spaces.ReplaceAllString(strings.TrimSpace(line), " ")
		if line == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		for j, part := range strings.Split(line, "…") {
			if j > 0 && strings.HasPrefix(part, " ") { // "a … b" is also "a b"
				pattern.WriteString(`.* ?`)
				part = part[1:]
			} else if j > 0 {
				pattern.WriteString(`.*`)
			}
			pattern.WriteString(regexp.QuoteMeta(part))
		}
		pattern.WriteString(`\n`)
	}
	pattern.WriteString(`\z`)
	var text strings.Builder
	for line := range strings.Lines(strings.TrimSpace(got) + "\n") {
		text.WriteString(spaces.ReplaceAllString(strings.TrimSpace(line), " ") + "\n")
	}
	return regexp.MustCompile(pattern.String()).MatchString(text.String())
}

// testExists checks the value of the mark "tested by": a file and a test in it.
func testExists(value string) error {
	file, name, ok := strings.Cut(value, " ")
	if !ok {
		return fmt.Errorf("tested by: want a file and a test")
	}
	raw, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return fmt.Errorf("tested by: %w", err)
	}
	if !strings.HasPrefix(name, "Test") || !strings.Contains(string(raw), "func "+name+"(") {
		return fmt.Errorf("tested by: %s has no test %s", file, name)
	}
	return nil
}
