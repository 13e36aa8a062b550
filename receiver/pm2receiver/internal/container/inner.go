// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// Inner decodes the output of a container. [decode.Decoder] implements it.
type Inner interface {
	Decode(block []byte, src decode.Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, decode.Stats)
	Flush(src decode.Source, now time.Time, everything bool) (plog.Logs, decode.Stats)
	Pending() bool
	Held() int
	State() decode.State
	Restore(state decode.State)
}
