// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/daemonlog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

const corpusDir = "../../../../testdata/pm2"

var clock = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func plainDecoder(stderr bool, state decode.State) Inner {
	return decode.New(decode.Settings{
		Lines: lines.Settings{MaxLine: 2 << 20, Location: time.UTC, App: "app", ProcessID: envelope.NoProcess, Stderr: stderr},
		Log:   applog.Settings{JSON: true, Location: time.UTC}, Original: true, Host: "web-01", Scope: "pm2", Join: true,
	}, state)
}

func settings(format Format) Settings {
	return Settings{
		Format: format, Plain: func(state decode.State) Inner { return plainDecoder(false, state) }, Text: plainDecoder,
		Daemon: func(state decode.State) Inner {
			return daemonlog.New(daemonlog.Settings{MaxLine: 1 << 20, Location: time.UTC, Log: applog.Settings{JSON: true, Location: time.UTC}, Host: "web-01", Scope: "pm2"}, state)
		},
	}
}

// wrap writes a line as a runtime does, in parts that end at the places given.
type wrap func(line string, stderr bool, at time.Time, ends []int) string

func streamName(stderr bool) string {
	if stderr {
		return "stderr"
	}
	return "stdout"
}

func pieces(line string, ends []int) (all []string) {
	from := 0
	for _, end := range ends {
		all = append(all, line[from:end])
		from = end
	}
	return append(all, line[from:])
}

func docker(line string, stderr bool, at time.Time, ends []int) string {
	var b strings.Builder
	all := pieces(line, ends)
	for i, piece := range all {
		if i == len(all)-1 {
			piece += "\n"
		}
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(i%2 == 0)
		_ = enc.Encode(piece)
		fmt.Fprintf(&b, `{"log":%s,"stream":%q,"time":%q}`+"\n", bytes.TrimSpace(text.Bytes()), streamName(stderr), at.Format(time.RFC3339Nano))
	}
	return b.String()
}

func dockerWithAttrs(line string, stderr bool, at time.Time, ends []int) string {
	return strings.ReplaceAll(docker(line, stderr, at, ends), fmt.Sprintf(`,"stream":%q,`, streamName(stderr)), fmt.Sprintf(`,"stream":%q,"attrs":{"tag":"x"},`, streamName(stderr)))
}

func cri(line string, stderr bool, at time.Time, ends []int) string {
	var b strings.Builder
	all := pieces(line, ends)
	for i, piece := range all {
		tag := "P"
		if i == len(all)-1 {
			tag = "F"
		}
		fmt.Fprintf(&b, "%s %s %s %s\n", at.Format(time.RFC3339Nano), streamName(stderr), tag, piece)
	}
	return b.String()
}

func crio(line string, stderr bool, at time.Time, ends []int) string {
	return cri(line, stderr, at.In(time.FixedZone("", 3600)), ends)
}

var wraps = map[string]wrap{"docker": docker, "docker with attributes": dockerWithAttrs, "containerd": cri, "cri-o": crio}

// run decodes text in blocks of whole lines of about size bytes, and takes the decoder
// through the JSON of its state between any two.
func run(t testing.TB, open func(decode.State) Inner, text string, size int) (all []plog.Logs, stats decode.Stats) {
	d := open(decode.State{})
	src := decode.Source{ID: 1, Name: "x"}
	for offset := 0; offset < len(text); {
		end := min(offset+size, len(text))
		if nl := strings.IndexByte(text[end-1:], '\n'); nl >= 0 {
			end += nl
		} else {
			end = len(text)
		}
		block := []byte(text[offset:end])
		logs, s := d.Decode(block, src, int64(offset), clock, func(full plog.Logs) { all = append(all, full) })
		clear(block) // nothing may point into the block
		stats.Add(s)
		all = append(all, logs)
		offset = end
		b, err := json.Marshal(d.State())
		require.NoError(t, err)
		var state decode.State
		require.NoError(t, json.Unmarshal(b, &state))
		d = open(state)
	}
	logs, s := d.Flush(src, clock, true)
	stats.Add(s)
	return append(all, logs), stats
}

// rec is what is to be the same of a record.
type rec struct {
	resource, attributes map[string]any
	body                 any
	time                 pcommon.Timestamp
	severity             plog.SeverityNumber
	trace, event         string
}

func records(t testing.TB, all []plog.Logs) (out []rec) {
	uids := map[string]bool{}
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			for _, r := range rl.ScopeLogs().At(0).LogRecords().All() {
				attrs := r.Attributes().AsRaw()
				uid := attrs["log.record.uid"].(string)
				require.False(t, uids[uid], "%s twice", uid)
				uids[uid] = true
				delete(attrs, "log.record.uid")
				out = append(out, rec{rl.Resource().Attributes().AsRaw(), attrs, r.Body().AsRaw(), r.Timestamp(), r.SeverityNumber(), r.TraceID().String() + r.SpanID().String(), r.EventName()})
			}
		}
	}
	return out
}

// byStream sorts records by their streams, and keeps their order else.
func byStream(all []rec) []rec {
	slices.SortStableFunc(all, func(a, b rec) int {
		return strings.Compare(fmt.Sprint(a.resource, a.attributes["log.iostream"]), fmt.Sprint(b.resource, b.attributes["log.iostream"]))
	})
	return all
}

// The records of the corpus in each envelope, split anywhere, are the plain ones. Those
// without a time have the container's.
func TestDecoder_GivesTheRecordsOfTheCorpus(t *testing.T) {
	files, err := pm2corpus.Files(corpusDir)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		plainText := string(bytes.ToValidUTF8(data, []byte("\uFFFD"))) // Docker writes nothing else
		stderr := strings.Contains(filepath.Base(file), "-error")
		plain, _ := run(t, func(s decode.State) Inner { return plainDecoder(stderr, s) }, plainText, 32<<10)
		want := byStream(records(t, plain))
		for name, wrap := range wraps {
			for _, size := range []int{1, 16 << 10} {
				if size == 1 && len(data) > 16<<10 { // each line goes through the JSON of the state
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", filepath.Base(file), name, size), func(t *testing.T) {
					var text strings.Builder
					at := clock.Add(-time.Hour)
					for line := range strings.Lines(plainText) {
						line = strings.TrimSuffix(line, "\n")
						var ends []int
						for range random.IntN(4) * random.IntN(2) {
							ends = append(ends, boundary(line, random.IntN(len(line)+1)))
						}
						slices.Sort(ends)
						at = at.Add(time.Millisecond)
						text.WriteString(wrap(line, stderr, at, ends))
					}
					got, _ := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, text.String(), size)
					have := byStream(records(t, got))
					require.Len(t, have, len(want))
					for i := range want {
						w := want[i]
						if w.time == 0 {
							assert.GreaterOrEqual(t, have[i].time.AsTime(), clock.Add(-time.Hour))
							w.time = have[i].time
						}
						require.Equal(t, w, have[i], "record %d", i)
					}
					total += len(have)
				})
			}
		}
	}
	t.Logf("%d records", total)
}

// boundary returns the largest place up to n that is not inside a character.
func boundary(line string, n int) int {
	for n > 0 && n < len(line) && line[n]&0xC0 == 0x80 {
		n--
	}
	return n
}

// The streams of a container are apart: parts of their lines alternate.
func TestDecoder_KeepsStreamsApart(t *testing.T) {
	at := "2026-11-21T02:08:36.123456789Z"
	for name, text := range map[string]string{
		"docker": `{"log":"out ","stream":"stdout","time":"` + at + `"}` + "\n" + `{"log":"err ","stream":"stderr","time":"` + at + `"}` + "\n" +
			`{"log":"more\n","stream":"stdout","time":"` + at + `"}` + "\n" + `{"log":"more\n","stream":"stderr","time":"` + at + `"}` + "\n",
		"cri": at + " stdout P out \n" + at + " stderr P:tag err \n" + at + " stdout F more\n" + at + " stderr F more\n",
	} {
		for _, size := range []int{1, 1 << 20} {
			got, stats := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, text, size)
			all := records(t, got)
			require.Len(t, all, 2, name)
			for i, stream := range []string{"out", "err"} {
				assert.Equal(t, stream+" more", all[i].body)
				assert.Equal(t, "std"+stream, all[i].attributes["log.iostream"])
				assert.Equal(t, time.Date(2026, 11, 21, 2, 8, 36, 123456789, time.UTC), all[i].time.AsTime())
			}
			assert.Equal(t, 2, stats.Joined)
		}
	}
}

// What pm2-runtime makes of a line in each of its modes is undone.
func TestDecoder_KnowsTheModesOfPM2Runtime(t *testing.T) {
	line := func(text string, stderr bool) string { return docker(text, stderr, clock, nil) }
	pino := `{"level":50,"msg":"broken","time":1795226958748}`
	for name, text := range map[string]string{
		"json": line(`{"message":"hello","timestamp":"2026-11-21T02:08:36.000Z","type":"out","process_id":7,"app_name":"my app"}`, false) +
			line(`{"message":"`+strings.ReplaceAll(pino, `"`, `\"`)+`","timestamp":"2026-11-21T02:08:36.000Z","type":"err","process_id":7,"app_name":"my app"}`, false),
		"format":           line("timestamp=2026-11-21-02:08:36+00:00 app=my app id=7 type=out message=hello", false) + line("timestamp=2026-11-21-02:08:36+00:00 app=my app id=7 type=error message="+pino, false),
		"formatted":        line("7|my app  | hello", false) + line("7|my app  | "+pino, true),
		"formatted colour": line("\x1b[32m7|my app  | \x1b[39mhello", false) + line("\x1b[31m7|my app  | \x1b[39m"+pino, false),
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, text, 1)
			all := byStream(records(t, got))
			require.Len(t, all, 2)
			for i, body := range []string{"broken", "hello"} {
				assert.Equal(t, body, all[i].body)
				assert.Equal(t, []string{"stderr", "stdout"}[i], all[i].attributes["log.iostream"])
				assert.Equal(t, map[string]any{"service.name": "my app", "service.instance.id": "web-01:7", "pm2.process.id": int64(7)}, all[i].resource)
			}
			assert.Equal(t, plog.SeverityNumberError, all[0].severity)
		})
	}
	got, _ := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, line("2026-11-21T02:08:36: PM2 log: App [web:0] online", false)+line("raw", true), 1)
	all := records(t, got)
	slices.SortFunc(all, func(a, b rec) int { return strings.Compare(a.event, b.event) })
	require.Len(t, all, 2)
	assert.Equal(t, "raw", all[0].body)
	assert.Equal(t, "pm2.process.online", all[1].event)
}

// A file that is no container's is read as it is, whatever is in its later lines.
func TestDecoder_LeavesOtherFilesAlone(t *testing.T) {
	at := "2026-11-21T02:08:36.123456789Z"
	text := "plain\n" + at + " stdout F no entry\n" + `{"log":"x\n","stream":"stdout","time":"` + at + `"}` + "\n"
	for format, want := range map[Format]int{Auto: 3, Docker: 3, CRI: 3} {
		got, _ := run(t, func(s decode.State) Inner { return New(settings(format), s) }, text, 1)
		assert.Len(t, records(t, got), want)
	}
	got, _ := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, text, 1)
	plain, _ := run(t, func(s decode.State) Inner { return plainDecoder(false, s) }, text, 1)
	assert.Equal(t, records(t, plain), records(t, got))
}

func TestDecoder_BoundsLinesOfManyParts(t *testing.T) {
	d := New(settings(CRI), decode.State{})
	part := []byte("2026-11-21T02:08:36Z stdout P " + strings.Repeat("x", 1<<20) + "\n")
	most := 0
	for i := range 40 {
		_, _ = d.Decode(part, decode.Source{ID: 1}, int64(i*len(part)), clock, nil)
		most = max(most, d.Held())
	}
	assert.LessOrEqual(t, most, maxJoined+2<<20)
	assert.True(t, d.Pending())
	logs, _ := d.Flush(decode.Source{ID: 1}, clock.Add(partIdle-1), false)
	assert.Zero(t, logs.LogRecordCount())
	_, _ = d.Flush(decode.Source{ID: 1}, clock.Add(time.Minute), false)
	assert.False(t, d.Pending())
}

func TestPlaceOf(t *testing.T) {
	id := strings.Repeat("0a", 32)
	for path, want := range map[string]Place{
		"/var/lib/docker/containers/" + id + "/" + id + "-json.log":                      {ID: id},
		"/var/log/pods/shop_api-7d9f_3f6f1a2e-0000-4c7e-9d2f-1b2c3d4e5f60/api/12.log":    {Namespace: "shop", Pod: "api-7d9f", UID: "3f6f1a2e-0000-4c7e-9d2f-1b2c3d4e5f60", Container: "api", Restart: 12},
		"/var/log/pods/kube-system_etcd-a.b_0123456789abcdef0123456789abcdef/etcd/0.log": {Namespace: "kube-system", Pod: "etcd-a.b", UID: "0123456789abcdef0123456789abcdef", Container: "etcd"},
		"/srv/pm2/logs/x-out.log":                   {},
		"/var/log/pods/a_b_c/d/0.log":               {},
		"/var/lib/docker/containers/x/x-json.log":   {},
		"/var/log/pods/shop_api_0123456789/api/log": {},
	} {
		got, known := PlaceOf(path)
		assert.Equal(t, want, got, path)
		assert.Equal(t, want != Place{}, known, path)
	}
}

func BenchmarkDecoder(b *testing.B) {
	data, err := os.ReadFile(filepath.Join(corpusDir, "legacy-text-out.log"))
	require.NoError(b, err)
	for name, wrap := range map[string]wrap{"docker": docker, "cri": cri} {
		var text strings.Builder
		n := 0
		for text.Len() < 1<<20 {
			for line := range strings.Lines(string(data)) {
				text.WriteString(wrap(strings.TrimSuffix(line, "\n"), false, clock, nil))
				n++
			}
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				d := New(settings(Auto), decode.State{})
				block := []byte(text.String())
				for offset := 0; offset < len(block); {
					end := min(offset+64<<10, len(block))
					end += bytes.IndexByte(block[end-1:], '\n')
					_, _ = d.Decode(block[offset:end], decode.Source{ID: 1}, int64(offset), clock, func(plog.Logs) {})
					offset = end
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
