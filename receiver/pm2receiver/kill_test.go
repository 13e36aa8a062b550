// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
)

const (
	victimEnv = "PM2_RECEIVER_TEST_VICTIM"
	// sizeEnv is how many megabytes the test reads. PM2_RECEIVER_TEST_MB=100 is what
	// the numbers in docs/benchmarks.md were made with.
	sizeEnv = "PM2_RECEIVER_TEST_MB"
	kills   = 50
)

// TestChildProcess is not a test: it is the reader that TestReceiver_SurvivesKill9 kills.
func TestChildProcess(t *testing.T) {
	dir := os.Getenv(victimEnv)
	if dir == "" {
		return
	}
	accepted, err := os.OpenFile(filepath.Join(dir, "accepted"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = accepted.WriteString("\n") // the last one may have died in the middle of a write
	require.NoError(t, err)
	next, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		if rand.IntN(5) == 0 {
			return errors.New("rejected one call in five")
		}
		var out bytes.Buffer
		for _, rl := range logs.ResourceLogs().All() {
			for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
				uid, _ := rec.Attributes().Get("log.record.uid")
				fmt.Fprintf(&out, "%s %s\n", uid.Str(), rec.Body().Str())
			}
		}
		_, err := accepted.Write(out.Bytes())
		return err
	})
	require.NoError(t, err)
	factory := filestorage.NewFactory()
	storage := factory.CreateDefaultConfig().(*filestorage.Config)
	storage.Directory = dir
	ext, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), storage)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	id := component.MustNewID("file_storage")
	cfg := testConfig(dir)
	cfg.Storage = &id
	set := receivertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	start(t, cfg, set, storageHost{id: ext}, next)
	select {} // until killed
}

var numberedLine = regexp.MustCompile(`^(\S+) line (\d+) .* end$`)

func TestReceiver_SurvivesKill9(t *testing.T) {
	megabytes := 8
	if text := os.Getenv(sizeEnv); text != "" {
		var err error
		megabytes, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "shop-out.log")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	total := writeNumbered(t, path, megabytes<<20)

	read := 0
	for n := 0; ; n++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChildProcess$")
		cmd.Env = append(os.Environ(), victimEnv+"="+dir)
		require.NoError(t, cmd.Start())
		time.Sleep(50*time.Millisecond + time.Duration(rand.Int64N(int64(600*time.Millisecond)))) // kills the process at any moment
		if n < kills {
			// Lines keep coming while it reads and while it is dead.
			total += writeMore(t, path, total)
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			continue
		}
		require.Eventually(t, func() bool { read = len(acceptedUIDs(t, dir)); return read >= total }, time.Minute, 200*time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		break
	}
	uids := acceptedUIDs(t, dir)
	repeats := 0
	for i := range total {
		require.NotEmpty(t, uids[i], "line %d is lost", i)
		for _, uid := range uids[i][1:] {
			repeats++
			require.Equal(t, uids[i][0], uid, "line %d came again under another uid", i)
		}
	}
	assert.Len(t, uids, total)
	t.Logf("%d kills, %d MB, %d lines, none lost, %d repeated with the same uid", kills, megabytes, total, repeats)
}

func writeNumbered(t *testing.T, path string, size int) (lines int) {
	f, err := os.Create(path)
	require.NoError(t, err)
	w := bufio.NewWriter(f)
	for written := 0; written < size; {
		text := ""
		for range 1 + rand.IntN(20) { // a chunk of several lines
			text += numberedText(lines)
			lines++
		}
		n, err := w.WriteString(record(text[:len(text)-1]))
		require.NoError(t, err)
		written += n
	}
	require.NoError(t, w.Flush())
	require.NoError(t, f.Close())
	return lines
}

// writeMore appends a line in two records, cut somewhere.
func writeMore(t *testing.T, path string, number int) int {
	text := numberedText(number)
	cut := 1 + rand.IntN(len(text)-2)
	write(t, path, rawRecord(text[:cut]))
	write(t, path, rawRecord(text[cut:]))
	return 1
}

func numberedText(n int) string {
	return fmt.Sprintf("line %d payment order cart %x customer stock retry end\n", n, uint64(n)*0x9e3779b97f4a7c15)
}

func record(line string) string { return rawRecord(line + "\n") }

func rawRecord(text string) string {
	return fmt.Sprintf(`{"message":%q,"timestamp":"2026-11-21T02:08:35.328Z","type":"out","process_id":3,"app_name":"shop"}`, text) + "\n"
}

// acceptedUIDs returns for every line the uids under which it was accepted.
func acceptedUIDs(t *testing.T, dir string) map[int][]string {
	data, err := os.ReadFile(filepath.Join(dir, "accepted"))
	require.NoError(t, err)
	uids := map[int][]string{}
	for line := range bytes.Lines(data) {
		if m := numberedLine.FindSubmatch(bytes.TrimSuffix(line, []byte("\n"))); m != nil {
			n, err := strconv.Atoi(string(m[2]))
			require.NoError(t, err)
			uids[n] = append(uids[n], string(m[1]))
		}
	}
	return uids
}
