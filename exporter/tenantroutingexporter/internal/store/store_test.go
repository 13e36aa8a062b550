// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// clients gives clients of a real file_storage extension.
func clients(t *testing.T, directory string, maxSize int64) opener {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.MaxSize = directory, maxSize
	ext, err := f.Create(context.Background(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, ext.Shutdown(context.Background())) })
	return func(ctx context.Context, name string) (storage.Client, error) {
		return ext.(storage.Extension).GetClient(ctx, component.KindExporter, component.MustNewID("tenant_routing"), name)
	}
}

func open(t *testing.T, o opener) (*Store, []lane.Part) {
	t.Helper()
	s, parts, err := Open(context.Background(), Settings{Open: o, Logger: zap.NewNop()})
	require.NoError(t, err)
	return s, parts
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	require.NoError(t, s.Close(context.Background()))
}

func newPart(id tenant.ID, text string, destinations ...string) lane.Part {
	p := lane.Part{Payload: &lane.Payload{
		Tenant: id, Signal: tenant.Metrics, Records: 7, Size: len(text), Accepted: time.Now(), Data: []byte(text),
	}}
	for _, d := range destinations {
		p.Routes = append(p.Routes, lane.Route{Destination: d})
	}
	return p
}

// held returns what parts are of, as "tenant text destinations".
func held(t *testing.T, s *Store, parts []lane.Part) []string {
	t.Helper()
	var out []string
	for _, p := range parts {
		data, err := s.Read(context.Background(), []*lane.Payload{p.Payload})
		require.NoError(t, err)
		var to []string
		for _, route := range p.Routes {
			to = append(to, route.Destination)
		}
		out = append(out, fmt.Sprintf("%s %s %v", p.Payload.Tenant, data[0], to))
	}
	return out
}

func TestStore_KeepsDataUntilEveryDestinationHasIt(t *testing.T) {
	o := clients(t, t.TempDir(), 0)
	s, left := open(t, o)
	require.Empty(t, left)
	parts := []lane.Part{newPart("a", "one", "x", "y"), newPart("a", "two", "x"), newPart("b", "three", "x", "y")}
	require.NoError(t, s.Put(context.Background(), parts))
	closeStore(t, s)

	s, left = open(t, o)
	require.ElementsMatch(t, []string{"a one [x y]", "a two [x]", "b three [x y]"}, held(t, s, left))
	i := slices.IndexFunc(left, func(p lane.Part) bool { return p.Payload.Size == 5 })
	p := left[i].Payload
	assert.Equal(t, tenant.Metrics, p.Signal)
	assert.Equal(t, 7, p.Records)
	assert.WithinDuration(t, parts[2].Payload.Accepted, p.Accepted, 0)
	assert.Nil(t, p.Data, "payloads stay in storage until their turn")
	for _, l := range left {
		s.Release([]*lane.Payload{l.Payload}, "x")
		s.Release([]*lane.Payload{l.Payload}, "x")
	}
	closeStore(t, s)

	s, left = open(t, o)
	assert.ElementsMatch(t, []string{"a one [y]", "b three [y]"}, held(t, s, left))
	for _, l := range left {
		s.Release([]*lane.Payload{l.Payload}, "y")
	}
	closeStore(t, s)
	s, left = open(t, o)
	assert.Empty(t, left)
	closeStore(t, s)
}

func TestStore_KeepsTheOrderOfATenant(t *testing.T) {
	o := clients(t, t.TempDir(), 0)
	s, _ := open(t, o)
	var want []string
	for i := range 300 {
		require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", fmt.Sprint(i), "x")}))
		want = append(want, fmt.Sprintf("a %d [x]", i))
	}
	closeStore(t, s)
	s, left := open(t, o)
	assert.Equal(t, want, held(t, s, left))
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "later", "x")}))
	closeStore(t, s)
	s, left = open(t, o)
	assert.Equal(t, append(want, "a later [x]"), held(t, s, left), "numbers are not used again")
	closeStore(t, s)
}

func TestStore_ManyCallersShareTransactions(t *testing.T) {
	o := clients(t, t.TempDir(), 0)
	s, _ := open(t, o)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 50 {
				p := newPart("a", fmt.Sprintf("%d/%d", i, j), "x")
				if !assert.NoError(t, s.Put(context.Background(), []lane.Part{p})) {
					return
				}
				data, err := s.Read(context.Background(), []*lane.Payload{p.Payload})
				assert.NoError(t, err)
				assert.Equal(t, p.Payload.Data, data[0])
				if j%2 == 0 {
					s.Release([]*lane.Payload{p.Payload}, "x")
				}
			}
		})
	}
	wg.Wait()
	closeStore(t, s)
	s, left := open(t, o)
	assert.Len(t, left, 16*25)
	closeStore(t, s)
}

func TestStore_RejectsOnAFullDiskAndRecovers(t *testing.T) {
	o := clients(t, t.TempDir(), 1<<20)
	s, _ := open(t, o)
	var stored []lane.Part
	var err error
	for i := range 200 {
		p := newPart("a", noise(uint64(i), 32<<10), "x")
		if err = s.Put(context.Background(), []lane.Part{p}); err != nil {
			break
		}
		stored = append(stored, p)
	}
	require.ErrorIs(t, err, storage.ErrStorageFull)
	require.NotEmpty(t, stored)
	for _, p := range stored {
		s.Release([]*lane.Payload{p.Payload}, "x")
	}
	require.NoError(t, s.flush(context.Background()))
	assert.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "again", "x")}))
	closeStore(t, s)
	s, left := open(t, o)
	assert.Equal(t, []string{"a again [x]"}, held(t, s, left))
	assert.Zero(t, s.Faults())
	closeStore(t, s)
}

func TestPut_RemovesStoredPartsWhenALaterPartFails(t *testing.T) {
	broken := fileName(shardOf("b"), 0)
	require.NotEqual(t, shardOf("a"), shardOf("b"))
	inner := clients(t, t.TempDir(), 0)
	fail := errors.New("no space left")
	o := func(ctx context.Context, name string) (storage.Client, error) {
		c, err := inner(ctx, name)
		if name == broken {
			c = failing{Client: c, err: fail}
		}
		return c, err
	}
	s, _ := open(t, o)
	err := s.Put(context.Background(), []lane.Part{newPart("a", "one", "x", "y"), newPart("b", "two", "x")})
	require.ErrorIs(t, err, fail)
	closeStore(t, s)
	s, left := open(t, inner)
	assert.Empty(t, left)
	closeStore(t, s)
}

// noise returns n bytes that do not compress.
func noise(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

type failing struct {
	storage.Client
	err error
}

func (f failing) Batch(context.Context, ...*storage.Operation) error { return f.err }

func (f failing) Walk(ctx context.Context, fn storage.WalkFunc) error {
	return f.Client.(storage.Walker).Walk(ctx, fn)
}

// damages are what may happen to a file of bbolt, which panics or faults on some.
func damages() map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"zeros":             func(b []byte) []byte { clear(b); return b },
		"garbage":           func(b []byte) []byte { return []byte(strings.Repeat("garbage\n", len(b)/8)) },
		"cut in the middle": func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"cut short":         func(b []byte) []byte { return b[:100] },
		"data pages zeroed": func(b []byte) []byte { clear(b[2*4096:]); return b },
		"data pages garbled": func(b []byte) []byte {
			r := rand.New(rand.NewPCG(1, 2))
			for i := 2 * 4096; i < len(b); i++ {
				b[i] = byte(r.Uint32())
			}
			return b
		},
	}
}

// childEnv has the directory that a child process of the test opens.
const childEnv = "STORE_TEST_DIRECTORY"

// TestMain lets the test run itself as a child, because some damage makes bbolt
// end the process.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(openInChild(dir))
	}
	goleak.VerifyTestMain(m)
}

func openInChild(dir string) int {
	t := &testing.T{}
	s, _, err := Open(context.Background(), Settings{Open: clients(t, dir, 0), Logger: zap.NewNop()})
	if err != nil || s.Close(context.Background()) != nil {
		return 1
	}
	return 0
}

func TestStore_DamagedFileLosesOnlyItsData(t *testing.T) {
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := clients(t, dir, 0)
			s, _ := open(t, o)
			for i := range 50 {
				require.NoError(t, s.Put(context.Background(), []lane.Part{
					newPart("a", noise(uint64(i), 5000), "x"), newPart("b", "safe", "x"),
				}))
			}
			closeStore(t, s)
			path := filepath.Join(dir, "exporter_tenant_routing__"+fileName(shardOf("a"), 0))
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			data = damage(data)
			require.NoError(t, os.WriteFile(path, data, 0o600))

			starts := 0
			for ok := false; !ok; starts++ {
				require.LessOrEqual(t, starts, openAttempts, "the process must come up in the end")
				child := exec.Command(os.Args[0])
				child.Env = append(os.Environ(), childEnv+"="+dir)
				ok = child.Run() == nil
			}
			after, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, int64(len(data)), after.Size(), "the file is left for repair")

			s, left := open(t, o)
			assert.Equal(t, slices.Repeat([]string{"b safe [x]"}, 50), held(t, s, left))
			require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "new", "x")}), "the tenant goes on")
			closeStore(t, s)
			s, left = open(t, o)
			assert.Contains(t, held(t, s, left), "a new [x]")
			assert.Zero(t, s.Faults(), "the damaged file is not looked at again")
			closeStore(t, s)
		})
	}
}

func TestOpen_SurvivesBeingKilledWhileItOpens(t *testing.T) {
	o := clients(t, t.TempDir(), 0)
	s, _ := open(t, o)
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "one", "x")}))
	for range openAttempts - 1 {
		interrupted, err := s.interrupted(context.Background())
		require.NoError(t, err)
		require.NoError(t, s.begin(context.Background(), fileName(shardOf("a"), 0), interrupted))
	}
	closeStore(t, s)
	s, left := open(t, o)
	assert.Len(t, left, 1, "a kill or two at the wrong moment is no damage")
	closeStore(t, s)
}

func TestStore_AFileThatIsDamagedWhileInUseIsReplaced(t *testing.T) {
	n := shardOf("a")
	inner := clients(t, t.TempDir(), 0)
	broken := false
	o := func(ctx context.Context, name string) (storage.Client, error) {
		c, err := inner(ctx, name)
		if name == fileName(n, 0) {
			c = panicking{failing{Client: c}, &broken}
		}
		return c, err
	}
	s, _ := open(t, o)
	old := newPart("a", "old", "x")
	require.NoError(t, s.Put(context.Background(), []lane.Part{old}))
	broken = true
	data, err := s.Read(context.Background(), []*lane.Payload{old.Payload})
	require.NoError(t, err)
	assert.Nil(t, data[0], "it is reported as lost")
	fresh := newPart("a", "fresh", "x")
	require.NoError(t, s.Put(context.Background(), []lane.Part{fresh}))
	s.Release([]*lane.Payload{old.Payload}, "x")
	assert.Positive(t, s.Faults())
	data, err = s.Read(context.Background(), []*lane.Payload{fresh.Payload, old.Payload})
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("fresh"), nil}, data)
	closeStore(t, s)
	broken = false
	s, left := open(t, inner)
	assert.Equal(t, []string{"a fresh [x]"}, held(t, s, left))
	closeStore(t, s)
}

type panicking struct {
	failing
	broken *bool
}

func (p panicking) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if *p.broken {
		panic("page 7 already freed")
	}
	return p.Client.Batch(ctx, ops...)
}

func TestOpen_RejectsStorageThatCannotListItsKeys(t *testing.T) {
	_, _, err := Open(context.Background(), Settings{
		Logger: zap.NewNop(),
		Open:   func(context.Context, string) (storage.Client, error) { return storage.NewNopClient(), nil },
	})
	assert.ErrorContains(t, err, "use file_storage")
}

func TestOpen_ReportsOtherErrors(t *testing.T) {
	locked := errors.New("timeout")
	_, _, err := Open(context.Background(), Settings{
		Logger: zap.NewNop(),
		Open:   func(context.Context, string) (storage.Client, error) { return nil, locked },
	})
	assert.ErrorIs(t, err, locked)
}
