// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// What is kept between two blocks does not grow with the names and times in a record.
func TestAssembler_KeepsNoLongNames(t *testing.T) {
	m := New(Settings{MaxLine: 1 << 20, Location: time.UTC}, State{})
	var apps []string
	for i := range 2 {
		line := fmt.Sprintf(`{"message":"m\n","timestamp":"%s","type":"out","process_id":%d,"app_name":"%s"}`+"\n", strings.Repeat("9", 1<<20), i, strings.Repeat("ü", 1<<20))
		m.Feed([]byte(line), 1, 0, time.Now(), arena.New(64), func(l *Line) {
			apps = append(apps, l.App)
			assert.Zero(t, l.Time)
		})
	}
	want := strings.Repeat("ü", maxApp/2)
	assert.Equal(t, []string{want, want}, apps)
	assert.Equal(t, want, m.State().App)
	assert.LessOrEqual(t, len(m.times[0].text)+len(m.times[1].text), 2*maxTime)
	assert.LessOrEqual(t, cap(m.name), 2*maxApp)
}

func TestAssembler_SaysHowMuchItHolds(t *testing.T) {
	m := New(Settings{MaxLine: 1 << 20, Location: time.UTC}, State{})
	for i := range 3 {
		m.Feed([]byte(fmt.Sprintf(`{"message":"half a line","timestamp":"t","type":"out","process_id":%d,"app_name":"a"}`+"\n", i)), 1, 0, time.Now(), arena.New(64), func(*Line) {})
	}
	assert.Equal(t, 3*len("half a line"), m.Held())
	m.FlushBefore(time.Now().Add(time.Hour), arena.New(64), func(*Line) {})
	assert.Zero(t, m.Held())
}
