// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// What the libraries that PM2 has used make of the formats that people set is PM2's date,
// and its time is the right one or none. See testdata/dates.
func TestPrefix_FormatsOfLogDateFormat(t *testing.T) {
	data, err := os.ReadFile("../../../../testdata/dates/formats.json")
	require.NoError(t, err)
	var formats []struct {
		Library, Format string
		// Exact is how exactly the time is written, "" if it is not, "?" if it may be unread.
		Exact string
		Dates []string
	}
	require.NoError(t, json.Unmarshal(data, &formats))
	require.Greater(t, len(formats), 150)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	moments := []int64{1795266516735, 1795266517001, 1795300029118}
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "?": time.Minute}
	for _, f := range formats {
		for _, size := range []int{1, 1 << 20} {
			name := fmt.Sprintf("%s of %s, blocks of %d: %q", f.Format, f.Library, size, f.Dates)
			m := New(Settings{MaxLine: 1 << 20, Location: berlin}, State{})
			text := ""
			for i, date := range f.Dates {
				text += fmt.Sprintf("%s: line %d\n", date, i)
			}
			got := feedSizes(m, text, size)
			if !assert.Equal(t, []string{"line 0", "line 1", "line 2"}, texts(got), name) {
				continue
			}
			for i, l := range got {
				want := time.UnixMilli(moments[i])
				assert.True(t, l.Time != 0 || l.Date == strings.TrimSuffix(f.Dates[i], ": "), "%s: date %q", name, l.Date)
				switch {
				case f.Exact == "", f.Exact == "?" && l.Time == 0:
					assert.Zero(t, l.Time, name)
				case l.Time == 0: // the day or the month
					assert.Regexp(t, `^(D+|M+)[-/](D+|M+)[-/]YYYY|DD[-/]MM|MM[-/]DD`, f.Format, "%s has no time", name)
				default:
					at := time.Unix(0, l.Time)
					assert.True(t, at.Truncate(unit[f.Exact]).Equal(want.Truncate(unit[f.Exact])), "%s is %s, not %s", name, at, want)
				}
			}
		}
	}
	t.Logf("%d formats", len(formats))
}

// feedSizes gives a text to an assembler in blocks of whole lines that are about as large,
// and then emits what waits.
func feedSizes(m *Assembler, text string, size int) (got []Line) {
	yield := func(l *Line) { got = append(got, *l) }
	for offset := 0; offset < len(text); {
		end := min(offset+size, len(text))
		if nl := strings.IndexByte(text[end-1:], '\n'); nl >= 0 {
			end += nl
		} else {
			end = len(text)
		}
		m.Feed([]byte(text[offset:end]), 1, int64(offset), clock, newArena(), yield)
		offset = end
		m = New(m.set, throughJSON(m.State()))
	}
	m.DecideBefore(clock.Add(time.Hour), newArena(), yield)
	m.FlushBefore(clock.Add(time.Hour), newArena(), yield)
	return got
}

// throughJSON returns a state as it comes out of the checkpoint.
func throughJSON(s State) State {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	var out State
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

func newArena() *arena.Arena { return arena.New(0) }
