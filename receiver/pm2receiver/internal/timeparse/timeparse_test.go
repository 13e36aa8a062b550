// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package timeparse

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(text string) time.Time {
		tm, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return tm
	}
	for text, want := range map[string]time.Time{
		"2026-11-21T02:08:35.328Z":             at("2026-11-21T02:08:35.328Z"),
		"2026-11-21T02:08:43":                  at("2026-11-21T02:08:43+01:00"),
		"2026-11-21T02:08":                     at("2026-11-21T02:08:00+01:00"),
		"2026-11-21 02:08:36.707 +00:00":       at("2026-11-21T02:08:36.707Z"),
		"2026-11-21 02:08:36.707 -0330":        at("2026-11-21T02:08:36.707-03:30"),
		"2026-11-21 02:08:36,707":              at("2026-11-21T02:08:36.707+01:00"),
		"2026-11-21T02:08:36.123456789Z":       at("2026-11-21T02:08:36.123456789Z"),
		"2026/7/1 2:08:36":                     at("2026-07-01T02:08:36+02:00"),
		"21-11-2026 02:08:36":                  at("2026-11-21T02:08:36+01:00"),
		"21.11.2026, 02:08:36":                 at("2026-11-21T02:08:36+01:00"),
		"11/21/2026, 2:08:36 PM":               at("2026-11-21T14:08:36+01:00"),
		"11/21/2026, 12:08:36 AM":              at("2026-11-21T00:08:36+01:00"),
		"Sat, 21 Nov 2026 02:09:10.123 +00:00": at("2026-11-21T02:09:10.123Z"),
		"Sat Nov 21 2026 02:09:10 GMT+0000":    at("2026-11-21T02:09:10Z"),
		"Nov 21, 2026 02:09:10 UTC":            at("2026-11-21T02:09:10Z"),
		"Saturday, November 21, 2026 2:09 AM":  at("2026-11-21T02:09:00+01:00"),
		"2024-02-29T23:59:60Z":                 at("2024-03-01T00:00:00Z"),
		// Of Part F: one of each form that a logger, a language or PM2's log_date_format writes.
		"2026-11-21 14:08:36 .735 +01:00":              at("2026-11-21T14:08:36.735+01:00"),
		"2026-11-21 14:08:36:735":                      at("2026-11-21T14:08:36.735+01:00"),
		"2026-11-21 14:08:36.7350":                     at("2026-11-21T14:08:36.735+01:00"),
		"20261121 14:08:36":                            at("2026-11-21T14:08:36+01:00"),
		"20261121 14:08:36.735":                        at("2026-11-21T14:08:36.735+01:00"),
		"20261121T140836Z":                             at("2026-11-21T14:08:36Z"),
		"20261121T140836.735+0100":                     at("2026-11-21T14:08:36.735+01:00"),
		"20261121140836":                               at("2026-11-21T14:08:36+01:00"),
		"20261121-140836":                              at("2026-11-21T14:08:36+01:00"),
		"2026-11-21T14:08:36z":                         at("2026-11-21T14:08:36Z"),
		"2026-11-21 14:08:36+01":                       at("2026-11-21T14:08:36+01:00"),
		"2026-11-21T13:08:40.735+00:00[UTC]":           at("2026-11-21T13:08:40.735Z"),
		"2026-11-21T14:08:40.735+01:00[Europe/Berlin]": at("2026-11-21T13:08:40.735Z"),
		"2026-11-21 14:08:36.735 +0100 CET":            at("2026-11-21T13:08:36.735Z"),
		"2026-11-21 14:08:36 CET":                      at("2026-11-21T13:08:36Z"),
		"2026-07-21 14:08:36 EDT":                      at("2026-07-21T18:08:36Z"),
		"Sat Nov 21 2026 14:08:36 GMT+0100 (Central European Standard Time)": at("2026-11-21T13:08:36Z"),
		"Sat Nov 21 2026 14:08:36 GMT+0100 (Mitteleuropäische Normalzeit)":   at("2026-11-21T13:08:36Z"),
		"Sat Nov 21 14:08:38 2026":                 at("2026-11-21T13:08:38Z"),
		"Sat Nov  7 14:08:38 2026":                 at("2026-11-07T13:08:38Z"),
		"Sat Nov 21 14:08:38 UTC 2026":             at("2026-11-21T14:08:38Z"),
		"Wed Jul 15 11:13:07.315 CEST 2020":        at("2020-07-15T09:13:07.315Z"),
		"Sat, 21 Nov 2026 13:08:39 GMT":            at("2026-11-21T13:08:39Z"),
		"11/21/2026, 2:08:36\u202fPM":              at("2026-11-21T13:08:36Z"),
		"11/21/2026, 2:08:36\u00a0p.m.":            at("2026-11-21T13:08:36Z"),
		"21/11/2026, 14:08:40":                     at("2026-11-21T13:08:40Z"),
		"21/Nov/2026:13:08:36 +0000":               at("2026-11-21T13:08:36Z"),
		"21-Nov-2026 13:08:36":                     at("2026-11-21T12:08:36Z"),
		"Saturday, November 21st 2026, 2:08:36 pm": at("2026-11-21T13:08:36Z"),
		"November 21, 2026 at 2:08:36 PM":          at("2026-11-21T13:08:36Z"),
		"Sat 21 Nov 2026 14:08:36":                 at("2026-11-21T13:08:36Z"),
		"21st November 2026 14:08:36":              at("2026-11-21T13:08:36Z"),
	} {
		got, ok := Parse([]byte(text), berlin)
		require.True(t, ok, text)
		assert.Equal(t, len(text), got.Len, text)
		assert.Equal(t, want.UTC(), time.Unix(0, got.Nanos).UTC(), text)

		behind, ok := Parse([]byte(text+": line"), berlin)
		require.True(t, ok, text)
		assert.Equal(t, got, behind, "what follows must not be taken for part of %q", text)
	}
}

func TestParse_LeavesTheTimeOpenIfDayAndMonthMayBeSwapped(t *testing.T) {
	got, ok := Parse([]byte("03/04/2026 10:00:00: line"), time.UTC)
	require.True(t, ok)
	assert.Equal(t, Parsed{Len: 19, Seconds: true}, got)
}

func TestParse_TakesPM2ForNoPM(t *testing.T) {
	got, ok := Parse([]byte("2026-11-21 02:08:36 PM2 log: started"), time.UTC)
	require.True(t, ok)
	assert.Equal(t, Parsed{Len: 19, Nanos: time.Date(2026, 11, 21, 2, 8, 36, 0, time.UTC).UnixNano(), Seconds: true}, got)
}

func TestParse_RefusesWhatIsNoTime(t *testing.T) {
	for _, text := range []string{
		"", "2026", "2026-11-21", "2026-11-21 and on", "2026-13-21T02:08:36", "2026-11-21T25:08:36", "info: ready at once",
		"127.0.0.1 - - [21/Nov/2026", "1700000000000000 ms", "Sat down for a while", "March 8 of us came along", "    at x (y:1:2) of z",
	} {
		_, ok := Parse([]byte(text), time.UTC)
		assert.False(t, ok, text)
	}
}

func TestParse_ReturnsNoTimeForAnAmbiguousZone(t *testing.T) {
	got, ok := Parse([]byte("2026-11-21 14:08:36 CST"), time.UTC)
	require.True(t, ok)
	assert.Equal(t, Parsed{Len: 23, Seconds: true}, got)
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	got, ok = Parse([]byte("2026-11-21 14:08:36 CST"), chicago)
	require.True(t, ok)
	assert.Equal(t, time.Date(2026, 11, 21, 20, 8, 36, 0, time.UTC), time.Unix(0, got.Nanos).UTC())
}

func TestParse_TakesNoWordForAZone(t *testing.T) {
	for _, behind := range []string{" ERROR x", " INFO x", " WARN", " OK", " ESTABLISHED", " CETERA", " -5 degrees", " [api] x", " (pid 3)", " a message"} {
		got, ok := Parse([]byte("2026-11-21 14:08:36"+behind), time.UTC)
		require.True(t, ok, behind)
		assert.Equal(t, 19, got.Len, behind)
	}
}

func TestClock(t *testing.T) {
	for text, want := range map[string]int{
		"14:08:36": 8, "14:08:36.735": 12, "2:08:36 PM rest": 10, "14:08:36] x": 8, "14:08": 0, "25:00:00": 0, "14:08:3": 0, "": 0, "14:08:36 +0100": 14,
	} {
		assert.Equal(t, want, Clock([]byte(text)), text)
	}
}

func TestPlausible(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		at             time.Time
		number, answer bool
	}{
		{time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), true, true},
		{time.Date(1974, 11, 6, 0, 0, 0, 0, time.UTC), true, false},
		{time.Date(1974, 11, 6, 0, 0, 0, 0, time.UTC), false, false},
		{time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), true, false},
		{time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), false, true},
		{time.Date(2103, 1, 1, 0, 0, 0, 0, time.UTC), true, false},
		{time.Date(2103, 1, 1, 0, 0, 0, 0, time.UTC), false, false},
	} {
		assert.Equal(t, c.answer, Plausible(c.at.UnixNano(), now, c.number), c.at)
	}
	assert.True(t, Plausible(now, 0, true), "a clock that is not set")
}

func TestParse_FollowsSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	summer, _ := Parse([]byte("2026-07-01 12:00:00"), berlin)
	winter, _ := Parse([]byte("2026-12-01 12:00:00"), berlin)
	assert.Equal(t, 10, time.Unix(0, summer.Nanos).UTC().Hour())
	assert.Equal(t, 11, time.Unix(0, winter.Nanos).UTC().Hour())
}

func TestFromNumber(t *testing.T) {
	want := time.Unix(1700000000, 0).UnixNano()
	for _, n := range []float64{1700000000, 1700000000000, 1700000000000000, 1700000000000000000} {
		got, ok := FromNumber(n)
		require.True(t, ok, n)
		assert.Equal(t, want, got, n)
	}
	got, ok := FromNumber(1700000000.25)
	require.True(t, ok)
	assert.Equal(t, want+250_000_000, got)
	got, ok = FromInt(1700000000123456789)
	require.True(t, ok)
	assert.Equal(t, want+123456789, got)
	for _, n := range []float64{0, -1, 12345, 1e300} {
		_, ok := FromNumber(n)
		assert.False(t, ok, n)
	}
}

func TestFromInt_IsFromNumber(t *testing.T) {
	for _, n := range []int64{-1, 0, 99_999_999, 1e8, 1_700_000_000, 9_223_372_036, 9_223_372_037, 99_999_999_999, 1e11, 1_700_000_000_123, 9_223_372_036_854, 9_223_372_036_855, 1e14 - 1, 1e14, 1_700_000_000_123_456, 9_007_199_254_740_992} {
		want, known := FromNumber(float64(n))
		got, ok := FromInt(n)
		assert.Equal(t, known, ok, n)
		assert.Equal(t, want, got, n)
	}
}

// Parse reads the form that most loggers write with code of its own. It must read what
// the code for all forms reads.
func FuzzParse_ISOIsNumeric(f *testing.F) {
	for _, text := range []string{
		"2026-11-21T02:08:35.328Z", "2026-11-21 02:08:35.328Z", "2026-13-21T02:08:35.328Z", "2026-11-21T02:08:60.328Z", "2026-11-21T24:08:35.328Z",
		"2026-11-21T02:08:35.32xZ", "2026-11-21T02:08:35,328Z", "2026-11-21 02:08:35.328 ", "2026-11-21 02:08:35", "2026-11-21 02:08:35 PM", "20x6-11-21T02:08:35.328Z",
		"2026-11-21 02:08:35.328+01:00[Europe/Berlin]", "1970-11-21T02:08:35.328Z", "2262-01-21T02:08:35.328Z", "2026-11-00T02:08:35.328Z",
	} {
		f.Add(text)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < len("20060102T1504") || text[0]-'0' > 9 || text[1]-'0' > 9 && !separates(text[1]) {
			return
		}
		for _, loc := range []*time.Location{time.UTC, berlin} {
			s := scanner{b: []byte(text)}
			want, known := s.numeric(loc)
			got, ok := Parse([]byte(text), loc)
			assert.Equal(t, known, ok, text)
			assert.Equal(t, want, got, text)
		}
	})
}

func FuzzParse_AgreesWithTime(f *testing.F) {
	f.Add("2026-11-21T02:08:35.328Z")
	f.Add("2026-11-21T02:08:35.328+01:30")
	f.Add("Sat, 21 Nov 2026 02:09:10 GMT")
	f.Add("03/04/2026 10:00:00 PM")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := Parse([]byte(text), time.UTC)
		if !ok {
			return
		}
		if got.Len <= 0 || got.Len > len(text) {
			t.Fatalf("Parse(%q) took %d bytes", text, got.Len)
		}
		if want, err := time.Parse(time.RFC3339Nano, text); err == nil && got.Len == len(text) && want.UnixNano() != got.Nanos && want.Day() != 0 {
			if want.Year() > 1971 && want.Year() < 2261 {
				t.Fatalf("Parse(%q) = %v, time has %v", text, time.Unix(0, got.Nanos).UTC(), want)
			}
		}
	})
}

// What the time package writes is read as it reads it itself.
func FuzzParse_ReadsWhatTimeWrites(f *testing.F) {
	layouts := []string{
		time.RFC3339, time.RFC3339Nano, time.RFC1123, time.RFC1123Z, "2006-01-02T15:04:05.000Z", "2006-01-02 15:04:05.000 -07:00",
		"2006-01-02 15:04:05", "2006-01-02T15:04", "2006/01/02 15:04:05", "Mon Jan _2 2006 15:04:05 GMT-0700", "Jan 2, 2006 15:04:05 UTC",
		"Monday, January 2, 2006 3:04 PM", "2006-01-02 15:04:05.999999999",
		time.ANSIC, "20060102T150405Z0700", "20060102 15:04:05.000", "20060102150405", "02/Jan/2006:15:04:05 -0700",
		"2006-01-02 15:04:05 .000 -07:00", "January 2, 2006 at 3:04:05 PM", "2006-01-02 15:04:05-07",
	}
	for i := range layouts {
		f.Add(int64(1795226915), int64(i*100_000_001), i, 60*i)
	}
	f.Fuzz(func(t *testing.T, seconds, nanos int64, layout, zone int) {
		const year = 365 * 24 * 60 * 60
		at := time.Unix(2*year+int64(uint64(seconds)%(250*year)), int64(uint64(nanos)%1e9))
		format := layouts[uint(layout)%uint(len(layouts))]
		at = at.In(time.FixedZone("", zone%(14*60)*60))
		if strings.HasSuffix(format, "UTC") || strings.HasSuffix(format, "000Z") || format == time.RFC1123 {
			at = at.UTC()
		}
		text := at.Format(format)
		want, err := time.ParseInLocation(format, text, time.UTC)
		if err != nil {
			t.Skip(err)
		}
		got, ok := Parse([]byte(text), time.UTC)
		if !ok || got.Len != len(text) || got.Nanos != want.UnixNano() {
			t.Fatalf("Parse(%q) = %v, %d, %t; time has %v", text, time.Unix(0, got.Nanos).UTC(), got.Len, ok, want.UTC())
		}
	})
}
