// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// faulty is a decoder that panics on a planted line after it has decoded the lines before it, and
// on a planted partial line when it is flushed.
type faulty struct {
	Decoder
	// sticky makes each block panic while the partial line is held back.
	sticky bool
}

func (f *faulty) Decode(block []byte, src decode.Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, decode.Stats) {
	if at := bytes.Index(block, []byte("PANIC")); at >= 0 {
		f.Decoder.Decode(block[:at], src, base, now, full)
		panic("planted")
	}
	if f.sticky && f.holds() {
		panic("planted")
	}
	return f.Decoder.Decode(block, src, base, now, full)
}

func (f *faulty) holds() bool {
	for _, slot := range f.State().Lines.Slots {
		if bytes.Contains(slot.Partial, []byte("HALF")) {
			return true
		}
	}
	return false
}

func (f *faulty) Flush(src decode.Source, now time.Time, everything bool) (plog.Logs, decode.Stats) {
	if f.holds() {
		panic("planted")
	}
	return f.Decoder.Flush(src, now, everything)
}

// delivered waits for n lines.
func (h *home) delivered(n int) []string {
	h.t.Helper()
	var lines []string
	require.Eventually(h.t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		lines = append([]string(nil), h.lines...)
		return len(lines) >= n
	}, 30*time.Second, time.Millisecond)
	return lines
}

// A line that cannot be decoded costs that line, and nothing of the others.
func TestLog_SkipsOnlyTheLineThatPanics(t *testing.T) {
	many := strings.Split(strings.TrimSuffix(numbered("many", 1, 3*maxLineBatch), "\n"), "\n")
	for name, all := range map[string][]string{
		"the first":    {"PANIC", "1", "2"},
		"the last":     {"1", "2", "PANIC"},
		"in between":   {"1", "PANIC", "2", "PANIC", "PANIC", "3"},
		"behind many":  append(append([]string{}, many...), "PANIC", "behind"),
		"before many":  append([]string{"PANIC"}, many...),
		"nothing else": {"PANIC", "PANIC"},
	} {
		for _, rejected := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, rejected %t", name, rejected), func(t *testing.T) {
				h := newHome(t)
				h.faulty = true
				var calls atomic.Int64
				h.rejectWith(func([]string) error {
					if calls.Add(1)%3 == 1 && rejected {
						return errors.New("not now")
					}
					return nil
				})
				h.write("a-out.log", strings.Join(all, "\n")+"\n")
				h.start()
				h.write("b-out.log", "of another file\n")
				var want []string
				for _, line := range all {
					if line != "PANIC" {
						want = append(want, line)
					}
				}
				h.delivered(len(want) + 1)
				h.write("a-out.log", "later\n")
				got := h.delivered(len(want) + 2)
				h.stop()
				assert.ElementsMatch(t, append(want, "of another file", "later"), got)
				lost := len(all) - len(want)
				assert.GreaterOrEqual(t, h.meter.lost.Load(), int64(lost))
				if !rejected { // a block that is sent again is decoded again
					assert.EqualValues(t, lost, h.meter.lost.Load())
				}
				assert.Equal(t, 1, h.logs.FilterMessage("Failed to decode a line, which is lost").Len())
			})
		}
	}
}

func TestLog_ContinuesAfterThePanicOfAPartialLine(t *testing.T) {
	h := newHome(t)
	h.faulty = true
	record := `{"message":"%s","timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":0,"app_name":"a"}` + "\n"
	h.write("a-out.log", fmt.Sprintf(record, "HALF"))
	h.start()
	require.Eventually(t, func() bool { h.skew.Add(int64(time.Second)); return h.meter.lost.Load() > 0 }, 30*time.Second, time.Millisecond)
	h.write("a-out.log", fmt.Sprintf(record, `whole\n`))
	assert.Equal(t, []string{"whole"}, h.delivered(1))
	h.stop()
	assert.EqualValues(t, 1, h.meter.lost.Load())
}

// A line that is held back and makes each later line panic costs itself only.
func TestLog_DropsTheHeldLineThatMakesOthersPanic(t *testing.T) {
	h := newHome(t)
	h.faulty, h.sticky = true, true
	record := `{"message":"%s","timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":%d,"app_name":"a"}` + "\n"
	var text strings.Builder
	fmt.Fprintf(&text, record, `first\n`, 0)
	fmt.Fprintf(&text, record, "HALF", 1)
	for i := range 1000 {
		fmt.Fprintf(&text, record, fmt.Sprintf(`%d\n`, i), 0)
	}
	h.write("a-out.log", text.String())
	h.start()
	got := h.delivered(1001)
	h.stop()
	assert.Len(t, got, 1001)
	assert.EqualValues(t, 1, h.meter.lost.Load())
}
