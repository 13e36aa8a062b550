// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package boltfile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/goleak"
)

// childEnv names a folder whose files a child process of the test uses.
const childEnv = "BOLTFILE_TEST_DIRECTORY"

// TestMain lets the test run itself as a child, because bbolt ends the process on
// much damage.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(useFiles(dir))
	}
	goleak.VerifyTestMain(m)
}

// useFiles uses every file of a folder in all ways of file_storage and prints the
// name of each before it does.
func useFiles(dir string) int {
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.Compaction.Directory, cfg.Compaction.OnStart = dir, dir, true
	cfg.Compaction.MaxTransactionSize = 100
	set := extensiontest.NewNopSettings(factory.Type())
	ext, err := factory.Create(context.Background(), set, cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	names, err := filepath.Glob(filepath.Join(dir, "receiver_*"))
	if err != nil {
		return 1
	}
	for _, name := range names {
		fmt.Println(filepath.Base(name))
		if err := useFile(ext, filepath.Base(name)); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return 0
}

func useFile(ext extension.Extension, file string) error {
	ctx := context.Background()
	if err := ext.Start(ctx, componenttest.NewNopHost()); err != nil {
		return err
	}
	id := component.MustNewID(strings.TrimSuffix(strings.TrimPrefix(file, "receiver_"), "_"))
	client, err := ext.(storage.Extension).GetClient(ctx, component.KindReceiver, id, "")
	if err != nil {
		return err
	}
	var keys []string
	if err := client.(storage.Walker).Walk(ctx, func(key string, _ []byte) ([]*storage.Operation, error) {
		keys = append(keys, key)
		return nil, nil
	}); err != nil {
		return err
	}
	for i, key := range keys {
		op := storage.DeleteOperation(key)
		if i%3 == 0 {
			op = storage.SetOperation(key, make([]byte, 700))
		}
		if err := client.Batch(ctx, op, storage.SetOperation("new", make([]byte, 3000))); err != nil {
			return err
		}
	}
	return client.Close(ctx)
}

// fixChecksum updates the checksum of the first meta page.
func fixChecksum(data []byte) {
	sum := fnv.New64a()
	_, _ = sum.Write(data[headerSize : headerSize+metaSize-8])
	binary.NativeEndian.PutUint64(data[headerSize+metaSize-8:], sum.Sum64())
}

// damages are what may happen to a file, each at a place chosen by chance.
func damages(r *rand.Rand) map[string]func([]byte) []byte {
	size := os.Getpagesize()
	page := func(b []byte) []byte { n := r.IntN(len(b) / size); return b[n*size : (n+1)*size] }
	random := func(b []byte) {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return map[string]func([]byte) []byte{
		"one bit":          func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"one byte":         func(b []byte) []byte { b[r.IntN(len(b))] = byte(r.Uint32()); return b },
		"head of a page":   func(b []byte) []byte { page(b)[r.IntN(headerSize)] = byte(r.Uint32()); return b },
		"table of a page":  func(b []byte) []byte { page(b)[headerSize+r.IntN(200)] = byte(r.Uint32()); return b },
		"page of zeros":    func(b []byte) []byte { clear(page(b)); return b },
		"page of garbage":  func(b []byte) []byte { random(page(b)); return b },
		"half a page":      func(b []byte) []byte { random(page(b)[size/2:]); return b },
		"sector of zeros":  func(b []byte) []byte { p := page(b); n := r.IntN(size / 512); clear(p[n*512 : (n+1)*512]); return b },
		"page of another":  func(b []byte) []byte { copy(page(b), bytes.Clone(page(b))); return b },
		"cut":              func(b []byte) []byte { return b[:r.IntN(len(b))] },
		"cut at a page":    func(b []byte) []byte { return b[:r.IntN(len(b)/size)*size] },
		"head that claims": func(b []byte) []byte { b[headerSize+16+r.IntN(32)] = byte(r.Uint32()); fixChecksum(b); return b },
		"zeros":            func(b []byte) []byte { clear(b); return b },
		"garbage":          func(b []byte) []byte { random(b); return b },
		"text":             func(b []byte) []byte { return bytes.Repeat([]byte("garbage\n"), len(b)/8) },
		"short":            func(b []byte) []byte { return b[:100] },
	}
}

// A file that is not called damaged can be opened, read, written and compacted by
// file_storage, which does not recover from what it does not like.
func TestCheck_AcceptedFilesDoNotCrashBbolt(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(9, 10))
	const rounds = 10
	taken, found := map[string]int{}, map[string]int{}
	for round := range rounds {
		items := []int{2, 30, 300}[round%3]
		whole := write(t, filepath.Join(t.TempDir(), "file"), round%4 == 0, 10+round%2, queue(r, items, 1+r.IntN(600)))
		for kind, damage := range damages(r) {
			data := damage(bytes.Clone(whole))
			if _, err := Check(bytes.NewReader(data), int64(len(data))); err != nil {
				found[kind]++
				continue
			}
			taken[kind]++
			name := fmt.Sprintf("receiver_%s_%d_", strings.ReplaceAll(kind, " ", "_"), round)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		}
	}
	t.Logf("found %v, taken %v", found, taken)
	for _, kind := range []string{"zeros", "garbage", "text", "short"} {
		assert.Equal(t, rounds, found[kind], kind)
	}
	assert.Positive(t, taken["one bit"], "most bits are those of values")

	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.CombinedOutput()
	last := ""
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "receiver_") {
			last = lines.Text()
		}
	}
	require.NoError(t, err, "%s ended it: %s", last, out[max(0, len(out)-3000):])
}
