// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkReply reads the answer of a daemon with 100 processes.
func BenchmarkReply(b *testing.B) {
	one := strings.TrimSuffix(strings.TrimPrefix(corpus(b), `{"args":[[`), `]]}`)
	one, _, _ = strings.Cut(one, `,{"pid":475`)
	all := make([]string, 100)
	for i := range all {
		all[i] = strings.Replace(one, `"pm_id":0,"monit"`, fmt.Sprintf(`"pm_id":%d,"monit"`, i), 1)
	}
	reply := answer(`{"args":[[` + strings.Join(all, ",") + `]]}`)
	buf := make([]byte, bufferSize)
	set := Settings{MaxReply: 1 << 30, MaxProcesses: 1000}
	b.SetBytes(int64(len(reply)))
	b.ReportAllocs()
	for b.Loop() {
		list, err := readReply(bytes.NewReader(reply), buf, set)
		if err != nil || len(list.Processes) != len(all) {
			b.Fatal(len(list.Processes), err)
		}
	}
}
