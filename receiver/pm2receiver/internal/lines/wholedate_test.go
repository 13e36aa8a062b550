// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"testing"
	"time"
)

// What the time package writes with a format that dates have nowhere else is read as it
// was meant.
func FuzzReadDate_ReadsWhatTimeWrites(f *testing.F) {
	layouts := []string{
		"2006-01-02_15-04-05", "2006/01/02-15:04:05.000", "20060102150405", "2006-01-02 15.04.05", "2006-01-02 15h04m05s", "20060102-150405",
		"15:04:05 02.01.2006", "2006-01-02 15:04:05 .000", "2006.01.02 15:04:05", "2006-01-02T15-04-05.000Z07:00", "15:04 2006-01-02", "2006-01-02@15:04:05",
	}
	for i := range layouts {
		f.Add(int64(1791184662), int64(i*100_000_001), i)
	}
	f.Fuzz(func(t *testing.T, seconds, nanos int64, layout int) {
		const year = 365 * 24 * 60 * 60
		at := time.Unix(2*year+int64(uint64(seconds)%(250*year)), int64(uint64(nanos)%1e9)).UTC()
		format := layouts[uint(layout)%uint(len(layouts))]
		text := at.Format(format)
		want, err := time.ParseInLocation(format, text, time.UTC)
		if err != nil {
			t.Skip(err)
		}
		if got := nanosOf([]byte(text), time.UTC); got != want.UnixNano() {
			t.Fatalf("%q is %v, not %v", text, want, time.Unix(0, got).UTC())
		}
	})
}

// A fraction behind a blank is none of the forms of the time package.
func TestNanosOf_ReadsFractions(t *testing.T) {
	want := time.Date(2026, 10, 5, 9, 17, 42, 118_000_000, time.UTC).UnixNano()
	for _, text := range []string{"2026-10-05 09:17:42 118", "20261005091742118", "2026-10-05 09:17:42-118", "2026-10-05_09-17-42_118", "[2026-10-05 09:17:42.118]", "2026-10-05 09:17:42 118 +00:00"} {
		if got := nanosOf([]byte(text), time.UTC); got != want {
			t.Errorf("%q is %v", text, time.Unix(0, got).UTC())
		}
	}
	for _, text := range []string{"09:17:42", "05/10 09:17", "2026-10-05", "5 Oct 09:17:42", "2026-13-05_09-17-42", "12345678901234567"} {
		if got := nanosOf([]byte(text), time.UTC); got != 0 {
			t.Errorf("%q is %v", text, time.Unix(0, got).UTC())
		}
	}
}
