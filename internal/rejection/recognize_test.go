// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRecognize_EveryReason(t *testing.T) {
	same := map[Reason]Reason{WrongUsername: UnknownKey, TenantDeleted: UnknownKey} // callers cannot find out whose key they have
	for r := None + 1; r < numReasons; r++ {
		want := r
		if other, ok := same[r]; ok {
			want = other
		}
		e := Of(r, "logs")
		assert.Equal(t, want.String(), Recognize(e.HTTPStatus(), e.Error()).String(), "%s", e.Error())
		assert.Equal(t, want.String(), Recognize(e.HTTPStatus(), "HTTP status: "+e.Error()+", at http://x").String(), "in a longer text")
		assert.NotEqual(t, want.String(), Recognize(299, e.Error()).String(), "with another status")
	}
}

func TestRecognize_TextsOfComponents(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
		want   Reason
	}{
		{429, "over the limit of 10 log records per second", Rate},
		{429, "over the daily quota of 15KiB", Quota},
		{429, "the logs queue of the tenant is full (lane::max_bytes: 1GiB)", LaneFull},
		{503, "the collector's disk has no room for more logs of the tenant at present (storage_reserve)", DiskFull},
		{413, "request of 70000 bytes is larger than the tenant's queue (lane::max_bytes: 64KiB)", TooLarge},
		{404, "there is nothing at this path, send to /v1/logs; this port receives OTLP, remote write and Loki pushes have ports of their own", Path},
		{401, "", None},
		{503, "Service Unavailable", None},
		{502, "the collector's disk is full", None},
		{401, "Authorization Required", None},
	} {
		assert.Equal(t, c.want.String(), Recognize(c.status, c.text).String(), "%d %s", c.status, c.text)
	}
}
