// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// A decoder that waits for the next block keeps nothing of the last one, however large
// it was: there is one for each file.
func TestDecoder_KeepsNothingOfABlock(t *testing.T) {
	const decoders, size, maxLine = 8, 512 << 10, 16 << 10
	long := strings.Repeat("x", size)
	for name, block := range map[string]string{
		"text":          long + "\n",
		"text, short":   strings.Repeat(strings.Repeat("y", 99)+"\n", size/100),
		"record":        fmt.Sprintf(`{"message":"%s\n","timestamp":"t","type":"out","process_id":1,"app_name":"a"}`, long) + "\n",
		"half a record": fmt.Sprintf(`{"message":"%s","timestamp":"t","type":"out","process_id":1,"app_name":"a"}`, long) + "\n",
	} {
		for _, join := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, join %t", name, join), func(t *testing.T) {
				all := make([]*Decoder, decoders)
				before := live()
				for i := range all {
					all[i] = New(Settings{Lines: lines.Settings{MaxLine: maxLine, Location: time.UTC}, Join: join}, State{})
					all[i].Decode([]byte(block), Source{ID: 1}, 0, clock, func(plog.Logs) {})
				}
				assert.Less(t, live()-before, int64(decoders*size/4))
				runtime.KeepAlive(all)
			})
		}
	}
}

// live returns how many bytes are in use.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
