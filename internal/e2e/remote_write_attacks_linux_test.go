// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// wireBytes returns a field of bytes.
func wireBytes(n protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), slices.Concat(parts...))
}

// wireNumber returns a field with a number.
func wireNumber(n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
}

// rwAttack is a request of remote write that must be rejected with one of the statuses.
type rwAttack struct {
	name     string
	version  int
	encoding string
	body     []byte
	statuses []int
}

// rwAttacks returns bombs, attacks with symbols and with labels, and damaged messages.
func rwAttacks(t *testing.T) (all []rwAttack) {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	now := uint64(time.Now().UnixMilli())
	sample := wireBytes(2, wireNumber(2, now))
	symbols := func(texts ...string) (out []byte) {
		out = wireBytes(4)
		for _, text := range texts {
			out = append(out, wireBytes(4, []byte(text))...)
		}
		return out
	}
	head := symbols("__name__", "m")
	one := wireBytes(1, []byte{1, 2})
	zig := func(v int64) []byte { return protowire.AppendVarint(nil, protowire.EncodeZigZag(v)) }
	span := func(offset int64) []byte { return wireBytes(11, []byte{8}, zig(offset), []byte{16, 1}) }
	wide := wireBytes(3, []byte{8, 4, 32, 16}, span(-200_000), span(400_000), wireBytes(12, []byte{4, 0}))
	label := func(name, value string) []byte {
		return wireBytes(1, wireBytes(1, []byte(name)), wireBytes(2, []byte(value)))
	}
	manyLabels := label("__name__", "m")
	for i := range 300 {
		manyLabels = append(manyLabels, label("l"+strconv.Itoa(i), "v")...)
	}
	manyRefs := []byte{1, 2}
	for range 300 {
		manyRefs = append(manyRefs, 3, 4)
	}
	// One long symbol that many series have: without a bound it is 2 GiB of OTLP.
	shared := slices.Concat(symbols("__name__", "m", "a", strings.Repeat("x", 1<<20)), slices.Repeat(wireBytes(5, wireBytes(1, []byte{1, 2, 3, 4}), sample), 2000))
	for _, a := range []struct {
		name     string
		version  int
		decoded  []byte
		statuses []int
	}{
		{"zeros", 1, make([]byte, 80<<20), []int{413}},
		{"empty symbols", 2, slices.Repeat([]byte{0x22, 0}, 30<<20), []int{413}},
		{"empty samples", 2, slices.Concat(head, wireBytes(5, one, slices.Repeat([]byte{0x12, 0}, 30<<20))), []int{413}},
		{"empty series", 1, slices.Repeat([]byte{0x0a, 0}, 30<<20), []int{413, 400}},
		{"series", 2, slices.Concat(head, slices.Repeat(wireBytes(5, one, sample), 3<<20)), []int{413}},
		{"wide histograms", 2, slices.Concat(head, slices.Repeat(wireBytes(5, one, wide), 100_000)), []int{413}},
		{"empty exemplars", 2, slices.Concat(head, wireBytes(5, one, slices.Repeat([]byte{0x22, 0}, 30<<20))), []int{413}},
		{"a long symbol of many series", 2, shared, []int{413}},
		{"300 labels", 1, wireBytes(1, manyLabels, sample), []int{400}},
		{"300 labels of 2.0", 2, slices.Concat(symbols("__name__", "m", "a", "b"), wireBytes(5, wireBytes(1, manyRefs), sample)), []int{400}},
		{"truncated", 2, slices.Concat(head, wireBytes(5, one, sample))[:len(head)+5], []int{400}},
		{"length beyond the end", 1, []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, []int{400}},
		{"length of 2^64-1", 1, append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<64-1)...), []int{400}},
	} {
		all = append(all, rwAttack{a.name, a.version, "snappy", snappy.Encode(nil, a.decoded), a.statuses},
			rwAttack{a.name, a.version, "zstd", encoder.EncodeAll(a.decoded, nil), a.statuses})
	}
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	good := snappy.Encode(nil, slices.Concat(head, wireBytes(5, one, sample)))
	return append(all,
		rwAttack{"length of 4 GiB", 1, "snappy", binary.AppendUvarint(nil, 1<<32-1), []int{400, 413}},
		rwAttack{"length of 60 MiB and nothing", 1, "snappy", binary.AppendUvarint(nil, 60<<20), []int{400}},
		rwAttack{"length one too small", 2, "snappy", append([]byte{good[0] - 1}, good[1:]...), []int{400}},
		rwAttack{"length one too large", 2, "snappy", append([]byte{good[0] + 1}, good[1:]...), []int{400}},
		rwAttack{"half", 2, "snappy", good[:len(good)/2], []int{400}},
		rwAttack{"random", 1, "snappy", random, []int{400, 413}},
		rwAttack{"random", 1, "zstd", random, []int{400}},
		rwAttack{"nothing", 1, "snappy", nil, []int{400}},
		rwAttack{"larger than any body may be", 1, "snappy", make([]byte, 24<<20), []int{413}},
	)
}

// TestRemoteWrite_Attacks sends each attack to the shipped gateway eight times at a time.
// The memory of the process stays bounded, the attacker gets a 4xx or has too much in
// flight, and another tenant notices nothing.
func TestRemoteWrite_Attacks(t *testing.T) {
	r := newRig(t, "", "attacker", "quiet")
	g := r.run()
	ctx, cancel := context.WithCancel(t.Context())
	var honest sync.WaitGroup
	var sent, faults []string
	honest.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			resp, text, err := remoteWrite(t, http.DefaultClient, "http://"+r.remoteWrite+"/api/v1/write", "Bearer "+r.keys["quiet"], writeRequest("m", float64(n)))
			switch {
			case err != nil:
				faults = append(faults, err.Error())
			case resp.StatusCode != http.StatusNoContent:
				faults = append(faults, fmt.Sprint(resp.StatusCode, " ", text))
			default:
				sent = append(sent, text)
			}
			pause(ctx, 10*time.Millisecond)
		}
	})
	defer func() { cancel(); honest.Wait() }()
	post := func(a rwAttack) (status int, text string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.remoteWrite+"/api/v1/write", bytes.NewReader(a.body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+r.keys["attacker"])
		req.Header.Set("Content-Encoding", a.encoding)
		if a.version == 2 {
			req.Header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error() // the answer can be lost while the body is still sent
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, strings.TrimSpace(string(body))
	}
	mem := memory{g.Pid()}
	rest, _ := mem.read(t)
	var highest int64
	for _, a := range rwAttacks(t) {
		t.Run(a.name+"/"+a.encoding, func(t *testing.T) {
			mem.reset(t)
			var mu sync.Mutex
			var at sync.WaitGroup
			answers := map[int]string{}
			for range 8 {
				at.Go(func() {
					status, text := post(a)
					mu.Lock()
					defer mu.Unlock()
					answers[status] = text
				})
			}
			at.Wait()
			if len(answers) == 1 && answers[0] != "" || !slices.ContainsFunc(a.statuses, func(s int) bool { return answers[s] != "" }) {
				status, text := post(a) // alone, so that nothing else of the tenant is in flight
				answers[status] = text
			}
			_, peak := mem.read(t)
			highest = max(highest, peak-rest)
			t.Logf("%v, %d bytes, peak memory %d MiB above rest", answers, len(a.body), (peak-rest)>>20)
			assert.Less(t, peak-rest, int64(maxGrowth))
			assert.True(t, slices.ContainsFunc(a.statuses, func(s int) bool { return answers[s] != "" }), "%v", answers)
			for status := range answers {
				assert.Contains(t, append(a.statuses, 0, http.StatusServiceUnavailable), status)
			}
		})
	}
	// Metadata and target_info that are always new, of which a bounded part is remembered.
	t.Run("flood of what is remembered", func(t *testing.T) {
		mem.reset(t)
		now := uint64(time.Now().UnixMilli())
		label := func(name, value string) []byte {
			return wireBytes(1, wireBytes(1, []byte(name)), wireBytes(2, []byte(value)))
		}
		for n := range 60 {
			var body []byte
			for i := range 2000 {
				id := fmt.Sprintf("%d_%d", n, i)
				body = append(body, wireBytes(3, wireNumber(1, 1), wireBytes(2, []byte("f"+id)), wireBytes(4, []byte(strings.Repeat(id, 100))))...)
				body = append(body, wireBytes(1, label("__name__", "target_info"), label("job", id), label("a", strings.Repeat(id, 200)), wireBytes(2, wireNumber(2, now)))...)
			}
			status, text := post(rwAttack{version: 1, encoding: "snappy", body: snappy.Encode(nil, body)})
			require.Equal(t, http.StatusNoContent, status, text)
		}
		_, peak := mem.read(t)
		highest = max(highest, peak-rest)
		t.Logf("peak memory %d MiB above rest", (peak-rest)>>20)
		assert.Less(t, peak-rest, int64(maxGrowth))
	})
	t.Logf("highest peak: %d MiB above %d MiB", highest>>20, rest>>20)
	cancel()
	honest.Wait()
	assert.Empty(t, faults)
	assert.NotEmpty(t, sent)
	g.stop()
	assert.NotContains(t, g.Output(), "panic")
}
