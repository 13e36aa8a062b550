// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestUTF8_KeysKeepTheirOrderAndValues(t *testing.T) {
	m := pcommon.NewMap()
	for i, key := range []string{"a", "b\xff", "c", "b\xfe", "\xff", ""} {
		m.PutInt(key, int64(i))
	}
	var r utf8Repair
	r.attributes(m)
	var got []string
	for key, v := range m.All() {
		got = append(got, fmt.Sprintf("%s=%d", key, v.Int()))
	}
	assert.Equal(t, []string{"a=0", "b\uFFFD=1", "c=2", "b\uFFFD=3", "\uFFFD=4", "=5"}, got)
	assert.Equal(t, 3, r.strings)
}
