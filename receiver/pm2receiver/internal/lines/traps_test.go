// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// PM2 makes a list of numbers of a Uint8Array, which has no newline any more that
// would keep it apart from what follows.
func TestTrap_Uint8ArrayIsTextAgain(t *testing.T) {
	got := feedBlocks(t, message("before\n"), message("104,105,10"), message("90,111,195,171,10,27,91,51,49,109,9,10"), message("after\n"))
	assert.Equal(t, []string{"before", "hi", "Zoë", "\x1b[31m\t", "after"}, texts(got))
	for _, own := range []string{"1,2,10", "10", "104,0105,10", "104,256,10", "104,,10", "a,10", "195,10", ",10", "104, 105,10", "104,105,10\n", "104,105"} {
		m := newAssembler(State{})
		all := feed(m, message("before\n")+message(own))
		m.FlushBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { all = append(all, *l) })
		assert.Equal(t, []string{"before", strings.TrimSuffix(own, "\n")}, texts(all), "an application wrote %q", own)
	}
}

func FuzzUnlist_FindsWhatJavaScriptMakesOfBytes(f *testing.F) {
	f.Add([]byte("hi\n"), "104,105,10")
	f.Add([]byte("Zoë\r\n"), "1,2,10")
	f.Fuzz(func(t *testing.T, text []byte, other string) {
		text = append(text, '\n')
		list := strings.Trim(strings.ReplaceAll(fmt.Sprintf("%d", text), " ", ","), "[]")
		readable := len(text) > 1 && utf8.Valid(text) && !strings.ContainsFunc(string(text), func(r rune) bool {
			return r < ' ' && !strings.ContainsRune("\n\t\r\x1b", r) || r == 0x7f
		})
		got := string(unlist([]byte(list), arena.New(0)))
		if want := map[bool]string{true: string(text), false: list}[readable]; got != want {
			t.Fatalf("unlist(%q) = %q, want %q", list, got, want)
		}
		if got := string(unlist([]byte(other), arena.New(0))); got != other {
			again := strings.Trim(strings.ReplaceAll(fmt.Sprintf("%d", []byte(got)), " ", ","), "[]")
			if again != other {
				t.Fatalf("unlist(%q) = %q", other, got)
			}
		}
	})
}

func named(app, text string) string {
	return strings.Replace(message(text), `"app_name":"app"`, fmt.Sprintf(`"app_name":%q`, app), 1)
}

// PM2 gives the number of a deleted process to the next one that is started, and a
// file may be shared by both.
func TestTrap_ReusedNumberJoinsNoLinesOfTwoApplications(t *testing.T) {
	got := feedBlocks(t, named("old", "line\n"), named("old", "died in the mid"), named("new", "first\n"), named("new", "half "), named("new", "line\n"))
	assert.Equal(t, []string{"line", "died in the mid", "first", "half line"}, texts(got))
	var apps []string
	for _, l := range got {
		apps = append(apps, l.App)
	}
	assert.Equal(t, []string{"old", "old", "new", "new"}, apps)
}

// The name of a file is not that of the application, which may have any characters.
func TestTrap_ApplicationNameIsThatOfTheRecord(t *testing.T) {
	got := feedBlocks(t, named("my app/αβγ [1]", "line\n"))
	assert.Equal(t, "my app/αβγ [1]", got[0].App)
}

func TestTrap_ChunkEndsInTheMiddleOfALineAndOfACharacter(t *testing.T) {
	// PM2 has decoded both halves of ë on their own: it is not to be had back.
	got := feedBlocks(t, message("one\nZo\uFFFD"), message("\uFFFD two\nthree\n"))
	assert.Equal(t, []string{"one", "Zo\uFFFD\uFFFD two", "three"}, texts(got))
	assert.True(t, got[1].Joined)
}

func TestTrap_ControlCharactersAndNULStayWhatTheyAre(t *testing.T) {
	got := feedBlocks(t, message("nul \x00 bell \a\ttab\n"), "raw \x00 line\n",
		// JSON has no such characters: it is no record, but it is a line.
		"{\"message\":\"raw \x01\\n\",\"timestamp\":\"\",\"type\":\"out\",\"process_id\":0,\"app_name\":\"app\"}\n")
	assert.Equal(t, []string{
		"nul \x00 bell \a\ttab", "raw \x00 line",
		"{\"message\":\"raw \x01\\n\",\"timestamp\":\"\",\"type\":\"out\",\"process_id\":0,\"app_name\":\"app\"}",
	}, texts(got))
}

func TestTrap_LoneSurrogateIsAReplacementCharacter(t *testing.T) {
	got := feedBlocks(t, `{"message":"a \ud800 b \udc00\n","timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":0,"app_name":"app"}`+"\n")
	assert.Equal(t, []string{"a \uFFFD b \uFFFD"}, texts(got))
	assert.True(t, got[0].Repaired)
}

// Summer time ends and begins while PM2 writes dates without a zone.
func TestTrap_DatesWithoutZoneAtTheChangeOfSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	assert.NoError(t, err)
	m := New(Settings{MaxLine: 1 << 20, Location: berlin}, State{})
	got := feed(m, "2026-10-25T01:59:59: before\n2026-10-25T02:30:00: twice\n2026-10-25T03:00:00: after\n2026-03-29T02:30:00: never\n")
	for i, want := range []time.Time{
		time.Date(2026, 10, 24, 23, 59, 59, 0, time.UTC), {}, time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC), {},
	} {
		at := time.Unix(0, got[i].Time).UTC()
		switch string(got[i].Text) {
		case "twice": // either is right
			assert.Contains(t, []time.Time{time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)}, at)
		case "never": // as the library has it, an hour off at most
			assert.WithinDuration(t, time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), at, time.Hour)
		default:
			assert.Equal(t, want, at, string(got[i].Text))
		}
	}
}

// Whatever one process writes, in whatever pieces, and however encoding/json would
// write the records: the lines are those of the text.
func FuzzAssembler_AgreesWithEncodingJSON(f *testing.F) {
	f.Add("one\ntwo halves\n\n", []byte{3, 9, 200})
	f.Add("Zoë 李 \xff\xc3 \x00 \u2028 <&>\n", []byte{1, 1, 1, 1, 1, 1})
	f.Add("no end", []byte{})
	f.Fuzz(func(t *testing.T, text string, sizes []byte) {
		records, whole := message("first\n"), "first\n" // so that the process is known to end its lines
		for i, rest := 0, text; len(rest) > 0; i++ {
			n := len(rest)
			if i < len(sizes) {
				n = min(n, 1+int(sizes[i]))
			}
			piece := rest[:n]
			if got := unlist([]byte(piece), arena.New(0)); string(got) != piece {
				t.Skip("a list of bytes")
			}
			records += message(piece)
			data, _ := json.Marshal(piece)
			var valid string // a character that is cut is two halves to encoding/json, too
			if err := json.Unmarshal(data, &valid); err != nil {
				t.Fatal(err)
			}
			whole, rest = whole+valid, rest[n:]
		}
		m := newAssembler(State{})
		got := texts(feed(m, records))
		m.FlushBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { got = append(got, string(l.Text)) })
		want := strings.Split(strings.TrimSuffix(whole, "\n"), "\n")
		if !slices.Equal(want, got) {
			t.Fatalf("want %q, got %q", want, got)
		}
	})
}
