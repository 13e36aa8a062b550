// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// explained are the functions that start goroutines without recovery.Recoverer, and why.
// A panic there ends the process, unless the reason says otherwise.
var explained = map[string]string{
	"internal/recovery/goroutine.go Go":   "it is the helper",
	"internal/recovery/goroutine.go Keep": "it is the helper",

	// What is handled there is recovered where it is handled.
	"internal/registryfile/parse.go decodeEntries":                         "each worker recovers; the file is then decoded as a whole, where the parser recovers too",
	"internal/registrydb/hedge.go hedged":                                  "probe recovers, and answers that there is no other connection",
	"receiver/tenantotlpreceiver/receiver.go run":                          "the guard recovers in serve, and its error is a fatal status: without a listener the process must not go on",
	"extension/tenanthealthextension/extension.go Start":                   "net/http recovers handlers, and the end of the server is a fatal status",
	"exporter/tenantroutingexporter/internal/lane/attempt.go startAttempt": "targets and the store recover; the rest is the state of the scheduler, see Start",
	"exporter/tenantroutingexporter/internal/backend/body.go Read":         "what writes a body recovers",

	// These hold the state of queues. After a panic in the middle of a change the state
	// is wrong or locked, and data would wait unnoticed: the process ends, and the next one
	// reads the queue from storage.
	"exporter/tenantroutingexporter/internal/lane/scheduler.go Start":    "the loop of the scheduler",
	"exporter/tenantroutingexporter/internal/lane/scheduler.go Shutdown": "the end of the scheduler",
	"exporter/tenantroutingexporter/internal/store/store.go Open":        "calls of storage recover; a panic elsewhere leaves a shard locked",

	// These handle nothing that others sent, and call nothing that can panic.
	"internal/lastend/lastend.go open":                           "writes a few bytes of its own to a file",
	"internal/guard/pressure.go changed":                         "compares numbers",
	"internal/guard/connections.go add":                          "closes a connection",
	"receiver/tenantotlpreceiver/grpc.go Shutdown":               "the shutdown of gRPC",
	"receiver/tenantotlpreceiver/receiver.go Shutdown":           "the shutdown of the servers",
	"receiver/tenantotlpreceiver/grpcmessage.go SetReadDeadline": "cancels a context",
	"receiver/pm2receiver/collector.go Shutdown":                 "cancels a context",
	"receiver/pm2receiver/receiver.go Shutdown":                  "cancels a context",
	"receiver/pm2receiver/internal/rpc/client.go Processes":      "sets a deadline",
	"receiver/pm2receiver/internal/tail/tailer.go Start":         "sets a flag",
	"extension/bearerkeyauthextension/server_grpc.go bound":      "cancels a context",
}

// goroutines returns "file function" of every function in a file that starts a goroutine
// by itself: with go, with the method Go of a group, or with AfterFunc. Calls of the helper
// have more arguments than that of a group.
func goroutines(name string, src any) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, d := range file.Decls {
		function := "var"
		if f, ok := d.(*ast.FuncDecl); ok {
			function = f.Name.Name
		}
		ast.Inspect(d, func(n ast.Node) bool {
			starts := false
			switch n := n.(type) {
			case *ast.GoStmt:
				starts = true
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
					starts = sel.Sel.Name == "AfterFunc" || sel.Sel.Name == "Go" && len(n.Args) == 1
				}
			}
			if id := fmt.Sprintf("%s %s", filepath.ToSlash(name), function); starts && !slices.Contains(found, id) {
				found = append(found, id)
			}
			return true
		})
	}
	return found, nil
}

// TestGoroutines_RecoverOrAreExplained: a panic on a goroutine of its own ends the process
// for all tenants, whatever the goroutine was for.
func TestGoroutines_RecoverOrAreExplained(t *testing.T) {
	seen := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("../..", path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch {
			case slices.Contains([]string{"_build", ".git", "node_modules", "testdata", "testbed", "internal/tools", "internal/e2e"}, rel),
				slices.Contains([]string{"node_modules", "testdata"}, d.Name()), strings.HasSuffix(rel, "test") && rel != "..":
				return filepath.SkipDir // not part of what is shipped
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found, err := goroutines(rel, src)
		for _, id := range found {
			seen[id] = true
		}
		return err
	}))
	for id := range seen {
		assert.NotEmpty(t, explained[id], "%s starts a goroutine whose panic ends the process: use recovery.Recoverer's Go or Keep, or explain here why not", id)
	}
	for id := range explained {
		assert.True(t, seen[id], "%s starts no goroutine: take it out of the list", id)
	}
}

func TestGoroutines_FindsPlanted(t *testing.T) {
	const head = "package a\n\nfunc f() {\n"
	for body, want := range map[string]int{
		"go g()":                                  1,
		"go func() {}()":                          1,
		"wg.Go(g)":                                1,
		"a.b.Go(func() { go g() })":               1,
		"if x { defer wg.Go(g) }":                 1,
		"time.AfterFunc(1, g)":                    1,
		"stop := context.AfterFunc(c, g)":         1,
		"r.Go(&wg, \"doing\", g)":                 0,
		"r.Keep(s, &wg, \"doing\", g)":            0,
		"r.Go(&wg, \"doing\", func() { go g() })": 1,
		"g()": 0,
	} {
		found, err := goroutines("a.go", head+body+"\n}\n")
		require.NoError(t, err, body)
		assert.Len(t, found, want, body)
	}
}
