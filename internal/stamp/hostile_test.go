// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The guard reserves a copy of a request before it is stamped. What a sender chooses must not
// need much more.
func TestEncoded_MemoryIsThatOfACopy(t *testing.T) {
	const (
		size  = 1 << 20
		spare = 512 << 10 // the plan of edits, and buffers that are not pooled: the race detector empties pools
	)
	inResource := func(attributes []byte) []byte { return field(1, field(1, attributes), inside(nil, 2, 2)) }
	inRecord := func(parts ...[]byte) []byte { return inside(join(parts...), 1, 2, 2) }
	long := strings.Repeat("x", size)
	level := func(key string) []byte { return field(6, pair(key, long)) }
	for name, tt := range map[string]struct {
		data []byte
		want Slow
	}{
		"empty attributes of a resource":   {inResource(bytes.Repeat(field(1), size/2)), SlowMany},
		"small attributes of a resource":   {inResource(bytes.Repeat(field(1, textField(1, "k")), size/5)), SlowMany},
		"resources with empty attributes":  {bytes.Repeat(inResource(bytes.Repeat(field(1), 200)), size/400), SlowNone},
		"long texts for severities":        {inRecord(textField(3, long), level("severity"), level("level"), level("log.level")), SlowNone},
		"resources":                        {bytes.Repeat(field(1), size/2), SlowMany},
		"records":                          {inside(bytes.Repeat(field(2), size/2), 1, 2), SlowNone},
		"records with a number":            {inside(bytes.Repeat(field(2, varintField(2, 9)), size/4), 1, 2), SlowMany},
		"attributes of one record":         {inRecord(bytes.Repeat(field(6), size/2)), SlowNone},
		"empty arrays inside of one value": {inRecord(inside(bytes.Repeat(field(1, field(5)), size/4), 5, 5)), SlowNone},
	} {
		t.Run(name, func(t *testing.T) {
			stamper := &Stamper{NormalizeSeverity: true}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e, err := stamper.Encoded(tenant.Logs, tt.data, acme(), otlpwire.Limits{})
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			assert.Equal(t, tt.want.String(), e.Slow.String())
			allowed := uint64(spare)
			if e.Data != nil {
				allowed += uint64(len(e.Data)) * 9 / 8 // size classes
			}
			assert.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, allowed, "of %d bytes", len(tt.data))
		})
	}
}
